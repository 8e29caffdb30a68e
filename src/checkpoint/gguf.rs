//! GGUF files: one file with metadata, a tokenizer and weights, often quantised. Llama's and Qwen2's are read.
//!
//! Source: the GGUF specification, version 3, of the ggml project.

mod describe;
mod header;
mod metadata;
mod value;
mod vocabulary;

use super::block::Block;
use super::element::Element;
use super::naming::Names;
use super::store::{MappedFile, Store, Tensor, quoted};
use super::{Checkpoint, OnceLock};
use crate::error::Result;
use crate::invalid;
use header::{Header, Listed};
use std::path::Path;

/// Opens a file.
pub(super) fn open(path: &Path) -> Result<Checkpoint> {
    let file = MappedFile::open(path)?;
    if !file.bytes().starts_with(b"GGUF") {
        return invalid!(
            "{}: is no GGUF file; name one, or the folder of a model with config.json and safetensors",
            path.display()
        );
    }
    let header = Header::parse(file.bytes()).map_err(|why| file.refusal(why))?;
    let mut store = Store::default();
    let mut end = 0;
    for listed in header.tensors {
        let name = listed.name.clone();
        let tensor = place(listed, header.data, &mut end, header.alignment, file.bytes().len())
            .map_err(|why| file.refusal(format_args!("tensor {}: {why}", quoted(&name))))?;
        if store.tensors.insert(name.clone(), tensor).is_some() {
            return Err(file.refusal(format_args!("tensor {} is there twice; convert the model again", quoted(&name))));
        }
    }
    let vocabulary = vocabulary::read(&header.metadata, file.bytes());
    store.files.push(file);
    let described = describe::describe(&header.metadata, &store).map_err(|why| store.files[0].refusal(why))?;
    let own = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Checkpoint {
        path: path.to_owned(),
        name: header.metadata.text("general.name").map_or_else(own, str::to_owned),
        architecture: described.architecture,
        names: Names::of(described.naming, &store),
        store,
        documents: Vec::new(),
        vocabulary,
        tokenizer: OnceLock::new(),
        provenance: OnceLock::new(),
    })
}

/// Where a tensor lies: they follow one another without gaps but those of the alignment. `end` is that of the one before.
fn place(
    listed: Listed,
    data: usize,
    end: &mut usize,
    alignment: usize,
    length: usize,
) -> std::result::Result<Tensor, String> {
    let element = element(listed.kind)?;
    let numbers = listed.shape.iter().try_fold(1_usize, |product, axis| product.checked_mul(*axis));
    let row = listed.shape.last().copied().unwrap_or(0);
    let size = numbers.filter(|_| row.is_multiple_of(element.numbers())).and_then(|numbers| element.size(numbers));
    let Some(size) = size else {
        return Err(format!("shape {:?} is impossible in {}; convert the model again", listed.shape, element.name()));
    };
    let offset = usize::try_from(listed.offset).unwrap_or(usize::MAX);
    if offset != *end {
        return Err(format!("lies at byte {offset} of the data and should at {end}; convert the model again"));
    }
    let inside = data.checked_add(offset).and_then(|start| start.checked_add(size)).is_some_and(|last| last <= length);
    if !inside {
        return Err(format!("its {size} bytes end behind the file; it is cut short: fetch it again"));
    }
    *end = (offset + size).next_multiple_of(alignment);
    Ok(Tensor { file: 0, element, shape: listed.shape, start: data + offset })
}

/// The numbers of ggml's formats.
fn element(kind: u32) -> std::result::Result<Element, String> {
    Ok(match kind {
        0 => Element::F32,
        1 => Element::F16,
        30 => Element::Bf16,
        2 => Element::Quantised(Block::Q4_0),
        3 => Element::Quantised(Block::Q4_1),
        6 => Element::Quantised(Block::Q5_0),
        7 => Element::Quantised(Block::Q5_1),
        8 => Element::Quantised(Block::Q8_0),
        10 => Element::Quantised(Block::Q2_K),
        11 => Element::Quantised(Block::Q3_K),
        12 => Element::Quantised(Block::Q4_K),
        13 => Element::Quantised(Block::Q5_K),
        14 => Element::Quantised(Block::Q6_K),
        _ => {
            let name = UNSUPPORTED.iter().find(|(number, _)| *number == kind).map_or("unknown", |(_, name)| name);
            return Err(format!(
                "its format {kind} ({name}) is not supported; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to \
                 Q6_K are"
            ));
        }
    })
}

/// Formats that are refused, by their names.
const UNSUPPORTED: [(u32, &str); 20] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
];
