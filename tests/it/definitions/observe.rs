//! What is seen of a state after a step.

use super::dense::{State, dot, flattened, norm};
use super::integrator::kept;
use super::layer::Layer;
use super::number::{Number, noise};
use super::setting::{Point, Setting};

/// What is seen of a nonlinear state after a step.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    pub norm: Option<f64>,
    pub cosine: Option<f64>,
    pub token_similarity: Option<f64>,
    pub attention_entropy: Option<f64>,
    pub effective_step: Option<f64>,
    pub effective_damping: Option<f64>,
}

/// The mean cosine of two different tokens; none of one token.
fn similarity<N: Number>(x: &State<N>) -> Option<f64> {
    let tokens = x.len();
    let pairs = (0..tokens).flat_map(|s| (0..s).map(move |t| (s, t)));
    let sum: f64 = pairs.map(|(s, t)| cosine(&x[s], &x[t])).sum();
    (tokens > 1).then(|| sum / (tokens * (tokens - 1) / 2) as f64)
}

fn cosine<N: Number>(x: &[N], y: &[N]) -> f64 {
    (dot(x, y) / (dot(x, x).sqrt() * dot(y, y).sqrt())).value()
}

/// Of the initial state, where no step has been made.
pub fn at_the_start<N: Number>(x: &State<N>) -> Observation {
    let norm = Some(norm(x).value());
    Observation { norm, cosine: Some(1.0), token_similarity: similarity(x), ..Observation::default() }
}

/// Of a step from `before` to `after` on a trajectory from `start`.
pub fn observed<N: Number>(
    setting: &Setting,
    layer: &Layer,
    point: &Point,
    [start, before, after]: [&State<N>; 3],
) -> Observation {
    let (old, new) = (norm(before), norm(after));
    // The increment without friction, over the state that it was added to.
    let keep = N::from(kept(setting, layer.sublayers(), point));
    let pushed: State<N> =
        before.iter().zip(after).map(|(x, y)| x.iter().zip(y).map(|(&x, &y)| y - keep * x).collect()).collect();
    Observation {
        norm: Some(new.value()),
        cosine: Some(cosine(&flattened(start), &flattened(after))),
        token_similarity: similarity(after),
        attention_entropy: layer.attention_entropy(before).map(N::value),
        effective_step: Some((norm(&pushed) / old).value()),
        // What is left of two numbers near 1 has the rounding of 1.
        effective_damping: Some((N::from(1.0) - old / new).value() + noise()),
    }
}
