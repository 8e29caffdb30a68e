//! The architecture of a GGUF file.

use super::super::architecture::{Activation, Architecture, Biases, Embedding, Family, Norm, Rotary, Unembedding};
use super::super::family::Described;
use super::super::naming::{Arrangement, Naming};
use super::super::store::{Store, quoted};
use super::metadata::Metadata;
use crate::spec::{Mask, NormKind, NormPlacement};

static LLAMA: Naming = Naming { arrangement: Arrangement::Neighbours, ..NAMING };

static QWEN2: Naming = NAMING;

const NAMING: Naming = Naming {
    prefix: "",
    embedding: "token_embd",
    positions: "",
    token_types: "",
    embedding_norm: "",
    final_norm: "output_norm",
    unembedding: "output",
    block: "blk.",
    attention_norm: "attn_norm",
    feedforward_norm: "ffn_norm",
    query_key_value: &["attn_q", "attn_k", "attn_v"],
    output: "attn_output",
    up: &["ffn_gate", "ffn_up"],
    down: "ffn_down",
    transposed: false,
    arrangement: Arrangement::Stacked,
    // Read with the rotary positions.
    ignored: &[FACTORS],
};

/// What the frequencies of rotary positions are divided by.
const FACTORS: &str = "rope_freqs.weight";
/// The largest size that metadata may ask for, as in `config.json`.
const MOST: i64 = 1 << 21;

/// Keys that change what a layer computes.
const REFUSED: [&str; 8] = [
    "expert_count",
    "attention.scale",
    "attention.clamp_kqv",
    "attention.max_alibi_bias",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "logit_scale",
    "residual_scale",
];

type Parsed<T> = Result<T, String>;

pub(super) fn describe(metadata: &Metadata, store: &Store) -> Parsed<Described> {
    let name = metadata.text("general.architecture").unwrap_or_default();
    let naming = match name {
        "llama" => &LLAMA,
        "qwen2" => &QWEN2,
        _ => {
            return Err(format!(
                "architecture {} is not supported in GGUF; llama and qwen2 are, and gpt2, gpt_neox and bert as folders \
                 with safetensors",
                quoted(name)
            ));
        }
    };
    let keys = Keys { metadata, name };
    keys.refuse_parts()?;
    let (width, heads) = (keys.count("embedding_length")?, keys.count("attention.head_count")?);
    let head_width = match keys.count_if("attention.key_length")? {
        Some(head_width) => head_width,
        None if width.is_multiple_of(heads) => width / heads,
        None => return Err(format!("{heads} heads do not divide the width {width}; convert the model again")),
    };
    if keys.count_if("attention.value_length")?.is_some_and(|values| values != head_width) {
        return Err("attention.value_length: values of another width than keys are not supported".into());
    }
    let key_value_heads = keys.count_if("attention.head_count_kv")?.unwrap_or(heads);
    if !heads.is_multiple_of(key_value_heads) {
        return Err(format!("{heads} heads cannot share {key_value_heads} heads of keys and values evenly"));
    }
    let rows = |tensor: &str| store.tensors.get(tensor).and_then(|tensor| tensor.shape.first().copied());
    let vocabulary = keys.count_if("vocab_size")?.or(rows("token_embd.weight")).unwrap_or(1);
    let longest = keys.count("context_length")?;
    let architecture = Architecture {
        family: Family::Llama,
        width,
        depth: keys.count("block_count")?,
        vocabulary,
        heads,
        key_value_heads,
        head_width,
        hidden: keys.count("feed_forward_length")?,
        norm: Norm {
            kind: NormKind::Rmsnorm,
            placement: NormPlacement::Pre,
            epsilon: keys.positive("attention.layer_norm_rms_epsilon")?.ok_or("has no epsilon of its norms")?,
        },
        rotary: Some(keys.rotary(head_width, store)?),
        activation: Activation::Silu,
        gated: true,
        parallel: false,
        mask: Mask::Causal,
        // In a longer text a sliding window would act, which is not supported.
        positions: keys.count_if("attention.sliding_window")?.map_or(longest, |window| longest.min(window)),
        biases: Biases {
            query_key_value: store.has("blk.0.attn_q.bias"),
            output: store.has("blk.0.attn_output.bias"),
            feedforward: store.has("blk.0.ffn_up.bias"),
        },
        embedding: Embedding::default(),
        final_norm: true,
        unembedding: Unembedding::tied(!store.has("output.weight")),
        initializer_range: None,
    };
    Ok(Described { architecture, naming })
}

/// Keys behind the name of the architecture.
struct Keys<'a> {
    metadata: &'a Metadata,
    name: &'a str,
}

impl Keys<'_> {
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    fn count(&self, key: &str) -> Parsed<usize> {
        self.count_if(key)?.ok_or_else(|| format!("has no {}; convert the model again", self.key(key)))
    }

    /// A size of at least 1, if the key is there.
    fn count_if(&self, key: &str) -> Parsed<Option<usize>> {
        let name = self.key(key);
        match self.metadata.integer(&name) {
            Some(count @ 1..=MOST) => Ok(Some(count as usize)),
            None if !self.metadata.has(&name) => Ok(None),
            _ => Err(format!("{name} is no size from 1 to {MOST}, the same for all layers; convert the model again")),
        }
    }

    fn positive(&self, key: &str) -> Parsed<Option<f64>> {
        let name = self.key(key);
        match self.metadata.real(&name) {
            Some(number) if number > 0.0 && number.is_finite() => Ok(Some(number)),
            None if !self.metadata.has(&name) => Ok(None),
            _ => Err(format!("{name} is no positive number; convert the model again")),
        }
    }

    fn refuse_parts(&self) -> Parsed<()> {
        let zero = |key: &str| self.metadata.integer(key) == Some(0) || self.metadata.real(key) == Some(0.0);
        let used = |key: &&&str| self.metadata.has(&self.key(key)) && !zero(&self.key(key));
        if let Some(key) = REFUSED.iter().find(used) {
            return Err(format!("{}: is not supported; use a model without it", self.key(key)));
        }
        match self.metadata.integer("split.count") {
            None | Some(0 | 1) => Ok(()),
            Some(_) => Err("is one of several parts; join them with gguf-split".into()),
        }
    }

    fn rotary(&self, head_width: usize, store: &Store) -> Parsed<Rotary> {
        let dims = self.count_if("rope.dimension_count")?.unwrap_or(head_width);
        if dims != head_width || !dims.is_multiple_of(2) {
            return Err(format!("rotary positions on {dims} of {head_width} rows of a head are not supported"));
        }
        let mut rotary = Rotary::plain(dims, self.positive("rope.freq_base")?.unwrap_or(10_000.0));
        let mut divide = |factors: &dyn Fn(usize) -> f64| {
            rotary.frequencies.iter_mut().enumerate().for_each(|(i, frequency)| *frequency /= factors(i));
        };
        match self.metadata.text(&self.key("rope.scaling.type")) {
            None | Some("none") => {
                let factor = self.positive("rope.scale_linear")?.unwrap_or(1.0);
                divide(&|_| factor);
            }
            Some("linear") => {
                let factor = self.positive("rope.scaling.factor")?.unwrap_or(1.0);
                divide(&|_| factor);
            }
            Some(kind) => {
                return Err(format!("rotary scaling {} is not supported; none and linear are", quoted(kind)));
            }
        }
        if store.has(FACTORS) {
            store.require(FACTORS, &[dims / 2]).map_err(|error| error.to_string())?;
            let factors = store.read(FACTORS).map_err(|error| error.to_string())?;
            if factors.iter().any(|factor| *factor <= 0.0) {
                return Err(format!("{FACTORS} has a factor that is not positive; convert the model again"));
            }
            divide(&|i| f64::from(factors[i]));
        }
        Ok(rotary)
    }
}
