//! How a family calls its tensors, and how their numbers lie.

use super::architecture::{Architecture, Unembedding};
use super::store::{Store, quoted};
use crate::error::Result;
use crate::spec::NormKind;
use std::collections::BTreeSet;

/// The names of a family's tensors, without `.weight` and `.bias`. Those of a layer stand behind `block`, the number of
/// the layer and a dot.
pub(super) struct Naming {
    /// Stands before every name but that of the unembedding; files of the model without a head leave it out.
    pub prefix: &'static str,
    pub embedding: &'static str,
    /// Of learned positions, where the family has them.
    pub positions: &'static str,
    /// Of token types.
    pub token_types: &'static str,
    pub embedding_norm: &'static str,
    pub final_norm: &'static str,
    /// Where it is not the embedding, too.
    pub unembedding: &'static str,
    pub block: &'static str,
    pub attention_norm: &'static str,
    pub feedforward_norm: &'static str,
    /// One name for all, or one for each.
    pub query_key_value: &'static [&'static str],
    pub output: &'static str,
    /// The hidden units, or their gates and they.
    pub up: &'static [&'static str],
    pub down: &'static str,
    /// Matrices are stored as `[in, out]`.
    pub transposed: bool,
    pub arrangement: Arrangement,
    /// Parts of the names of tensors that say nothing about the layers: masks, heads for other tasks.
    pub ignored: &'static [&'static str],
}

/// The order of the rows of queries, keys and values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrangement {
    /// All queries, all keys, all values; rotary pairs are halves of a head.
    Stacked,
    /// The same, but rotary pairs of queries and keys are neighbours.
    Neighbours,
    /// Queries, keys and values of the first head, then those of the next.
    PerHead,
}

/// The names of a model in its files.
pub(super) struct Names {
    pub naming: &'static Naming,
    /// As it stands in these files.
    prefix: &'static str,
}

/// A tensor that a model needs.
pub(super) struct Expected {
    /// Its name.
    pub name: String,
    /// Its shape as it is stored.
    pub shape: Vec<usize>,
}

impl Names {
    /// The names that these files use.
    pub fn of(naming: &'static Naming, store: &Store) -> Self {
        let bare = !store.has(&format!("{}{}.weight", naming.prefix, naming.embedding));
        Names { naming, prefix: if bare { "" } else { naming.prefix } }
    }

    /// A tensor outside of the layers.
    pub fn outer(&self, stem: &str) -> String {
        format!("{}{stem}", self.prefix)
    }

    /// A tensor of a layer.
    pub fn inner(&self, layer: usize, stem: &str) -> String {
        format!("{}{}{layer}.{stem}", self.prefix, self.naming.block)
    }

    /// Refuses files whose tensors are not those of this architecture: one is missing or has another shape, or there is one
    /// whose part in the model is not known.
    pub fn check(&self, architecture: &Architecture, store: &Store) -> Result<()> {
        let mut known = BTreeSet::new();
        let mut require = |expected: Vec<Expected>| {
            expected.into_iter().try_for_each(|tensor| {
                let name = norm_name(store, tensor.name);
                store.require(&name, &tensor.shape)?;
                known.insert(name);
                Ok(())
            })
        };
        require(self.outside(architecture))?;
        (0..architecture.depth).try_for_each(|layer| require(self.of_layer(architecture, layer)))?;
        // A tied unembedding may be stored again.
        let again = match architecture.unembedding {
            Unembedding::Tied => format!("{}.weight", self.naming.unembedding),
            _ => String::new(),
        };
        let ignored = |name: &str| name == again || self.naming.ignored.iter().any(|part| name.contains(part));
        match store.tensors.iter().find(|(name, _)| !known.contains(*name) && !ignored(name)) {
            None => Ok(()),
            Some((name, tensor)) => Err(store.files[tensor.file].refusal(format_args!(
                "tensor {} has no place in a model of this configuration: a part that is not supported, or a configuration \
                 that says less than the file",
                quoted(name)
            ))),
        }
    }

    /// What a model has outside of its layers.
    fn outside(&self, architecture: &Architecture) -> Vec<Expected> {
        let (naming, width) = (self.naming, architecture.width);
        let table = |stem: &str, rows: usize| Expected { name: self.outer(stem) + ".weight", shape: vec![rows, width] };
        let mut expected = vec![table(naming.embedding, architecture.vocabulary)];
        let parts = architecture.embedding;
        if parts.positions {
            expected.push(table(naming.positions, architecture.positions));
        }
        if parts.token_types > 0 {
            expected.push(table(naming.token_types, parts.token_types));
        }
        if parts.norm {
            expected.extend(norm(architecture, self.outer(naming.embedding_norm)));
        }
        if architecture.final_norm {
            expected.extend(norm(architecture, self.outer(naming.final_norm)));
        }
        if architecture.unembedding == Unembedding::Own {
            let name = format!("{}.weight", naming.unembedding);
            expected.push(Expected { name, shape: vec![architecture.vocabulary, width] });
        }
        expected
    }

    /// The tensors of a layer.
    fn of_layer(&self, architecture: &Architecture, layer: usize) -> Vec<Expected> {
        let (naming, width, hidden) = (self.naming, architecture.width, architecture.hidden);
        let mut expected = norm(architecture, self.inner(layer, naming.attention_norm));
        expected.extend(norm(architecture, self.inner(layer, naming.feedforward_norm)));
        let mut project = |stem: &str, rows: usize, columns: usize, biased: bool| {
            let name = self.inner(layer, stem);
            let shape = if naming.transposed { vec![columns, rows] } else { vec![rows, columns] };
            expected.push(Expected { name: format!("{name}.weight"), shape });
            expected.extend(biased.then(|| Expected { name: format!("{name}.bias"), shape: vec![rows] }));
        };
        let biases = architecture.biases;
        let rows = stacked_rows(architecture, naming.query_key_value.len());
        naming.query_key_value.iter().zip(rows).for_each(|(stem, rows)| {
            project(stem, rows, width, biases.query_key_value);
        });
        project(naming.output, width, architecture.heads * architecture.head_width, biases.output);
        naming.up.iter().for_each(|stem| project(stem, hidden, width, biases.feedforward));
        project(naming.down, width, hidden, biases.feedforward);
        expected
    }
}

/// Rows of queries, keys and values, each or together.
fn stacked_rows(architecture: &Architecture, parts: usize) -> Vec<usize> {
    let queries = architecture.heads * architecture.head_width;
    let keys = architecture.key_value_heads * architecture.head_width;
    if parts == 1 { vec![queries + 2 * keys] } else { vec![queries, keys, keys] }
}

/// Gain and bias of a norm.
fn norm(architecture: &Architecture, stem: String) -> Vec<Expected> {
    let shape = || vec![architecture.width];
    let bias = (architecture.norm.kind == NormKind::Layernorm)
        .then(|| Expected { name: format!("{stem}.bias"), shape: shape() });
    [Expected { name: format!("{stem}.weight"), shape: shape() }].into_iter().chain(bias).collect()
}

/// The name under which a file has a tensor: old files of BERT call gain and bias of a norm gamma and beta.
pub(super) fn norm_name(store: &Store, name: String) -> String {
    if store.has(&name) {
        return name;
    }
    let old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
    if store.has(&old) { old } else { name }
}
