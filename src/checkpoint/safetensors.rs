//! `model.safetensors`, or the shards that `model.safetensors.index.json` lists.

use super::config;
use super::element::Element;
use super::store::{MappedFile, Store, Tensor, quoted};
use crate::error::Result;
use crate::input::Object;
use crate::invalid;
use safetensors::tensor::{Dtype, Metadata, SafeTensorError, SafeTensors, TensorInfo};
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const SINGLE: &str = "model.safetensors";
/// The list of shards.
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// Bytes before the header, which hold its length.
const LENGTH: usize = 8;

/// Maps the weights of a folder.
pub(super) fn open(folder: &Path) -> Result<Store> {
    let mut store = Store::default();
    if is_there(&folder.join(INDEX)) {
        let index = Index::read(&folder.join(INDEX))?;
        for shard in &index.shards() {
            if !is_there(&folder.join(shard)) {
                return invalid!(
                    "{}: names {}, which is not there; fetch the missing shard",
                    folder.join(INDEX).display(),
                    quoted(shard)
                );
            }
            add(&mut store, &folder.join(shard))?;
        }
        index.check(&store, folder)?;
    } else if is_there(&folder.join(SINGLE)) {
        add(&mut store, &folder.join(SINGLE))?;
    } else if folder.join("pytorch_model.bin").exists() || folder.join("pytorch_model.bin.index.json").exists() {
        return invalid!(
            "{}: pickled weights (pytorch_model.bin) are programs and are not read; save the model as safetensors",
            folder.display()
        );
    } else {
        return invalid!("{}: has no {SINGLE} and no {INDEX}; name the folder of a model", folder.display());
    }
    Ok(store)
}

/// Is there something of this name? A link whose target is gone, as in a cache that was cleared, is one to be told of.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Which shard holds which tensor.
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Index {
    fn read(path: &Path) -> Result<Self> {
        let content = config::object(path)?;
        let Some(map) = content.get("weight_map").and_then(Value::as_object) else {
            return invalid!("{}: has no weight_map; fetch the file again", path.display());
        };
        let mut weight_map = BTreeMap::new();
        for (name, shard) in map {
            let shard = shard.as_str().unwrap_or_default();
            // A shard lies in the same folder: a name with a path in it could be any file.
            if shard.is_empty() || Path::new(shard).file_name().is_none_or(|file| file != shard) {
                return invalid!(
                    "{}: the shard of {} is no file name; fetch the file again",
                    path.display(),
                    quoted(name)
                );
            }
            weight_map.insert(name.clone(), shard.to_owned());
        }
        Ok(Index { weight_map })
    }

    fn shards(&self) -> BTreeSet<String> {
        self.weight_map.values().cloned().collect()
    }

    /// Refuses an index that disagrees with the shards.
    fn check(&self, store: &Store, folder: &Path) -> Result<()> {
        for (name, shard) in &self.weight_map {
            let place = store.tensors.get(name).map(|tensor| &store.files[tensor.file].path);
            if place != Some(&folder.join(shard)) {
                return invalid!(
                    "{}: says that {} holds tensor {}, and it does not; fetch both again",
                    folder.join(INDEX).display(),
                    quoted(shard),
                    quoted(name)
                );
            }
        }
        Ok(())
    }
}

/// Adds the tensors of one file.
fn add(store: &mut Store, path: &Path) -> Result<()> {
    let file = MappedFile::open(path)?;
    let (length, metadata) = SafeTensors::read_metadata(file.bytes()).map_err(|error| {
        file.refusal(format_args!("{}; it is damaged or cut short: fetch the file again", why(&error, file.bytes())))
    })?;
    if let Err(error) = serde_json::from_slice::<Object<IgnoredAny>>(&file.bytes()[LENGTH..][..length]) {
        return Err(file.refusal(format_args!("{error} in the header; fetch the file again")));
    }
    let number = store.files.len();
    for (name, info) in sorted(&metadata) {
        let Some(element) = element(info.dtype) else {
            if is_weight(info.dtype) {
                return Err(file.refusal(format_args!(
                    "tensor {} is of type {:?}, and F32, F16 and BF16 are read; convert the weights",
                    quoted(&name),
                    info.dtype
                )));
            }
            continue;
        };
        let start = LENGTH + length + info.data_offsets.0;
        let tensor = Tensor { file: number, element, shape: info.shape.clone(), start };
        if store.tensors.insert(name.clone(), tensor).is_some() {
            return Err(
                file.refusal(format_args!("tensor {} is in another shard, too; fetch them again", quoted(&name)))
            );
        }
    }
    store.files.push(file);
    Ok(())
}

fn sorted(metadata: &Metadata) -> BTreeMap<String, &TensorInfo> {
    metadata.tensors().into_iter().collect()
}

fn element(dtype: Dtype) -> Option<Element> {
    match dtype {
        Dtype::F32 => Some(Element::F32),
        Dtype::F16 => Some(Element::F16),
        Dtype::BF16 => Some(Element::Bf16),
        _ => None,
    }
}

/// Can weights be of this type? Masks and positions, which files keep beside the weights, are of others.
fn is_weight(dtype: Dtype) -> bool {
    !matches!(
        dtype,
        Dtype::BOOL | Dtype::U8 | Dtype::I16 | Dtype::U16 | Dtype::I32 | Dtype::U32 | Dtype::I64 | Dtype::U64
    )
}

/// What is wrong with a header, with the name of the tensor, which the library does not always say.
fn why(error: &SafeTensorError, bytes: &[u8]) -> String {
    let culprit = match error {
        SafeTensorError::TensorInvalidInfo | SafeTensorError::ValidationOverflow => culprit(bytes),
        _ => None,
    };
    match culprit {
        Some((name, info)) => format!(
            "tensor {} of {:?} and shape {:?} does not fill its bytes {} to {}",
            quoted(&name),
            info.dtype,
            info.shape,
            info.data_offsets.0,
            info.data_offsets.1
        ),
        None => error.to_string().replace('\n', " "),
    }
}

/// The first tensor whose shape and type disagree with its place.
fn culprit(bytes: &[u8]) -> Option<(String, TensorInfo)> {
    let length = u64::from_le_bytes(bytes.get(..LENGTH)?.try_into().ok()?);
    let header = bytes.get(LENGTH..)?.get(..usize::try_from(length).ok()?)?;
    let tensors: BTreeMap<String, Value> = serde_json::from_slice(header).ok()?;
    let infos = tensors.into_iter().filter_map(|(name, info)| Some((name, serde_json::from_value(info).ok()?)));
    infos.into_iter().find(|(_, info): &(String, TensorInfo)| {
        let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |bits, axis| bits.checked_mul(*axis));
        let bytes = info.data_offsets.1.checked_sub(info.data_offsets.0);
        bits.is_none() || bytes.and_then(|bytes| bytes.checked_mul(8)) != bits
    })
}
