//! FFNs with a planted pair of hidden units that push a state along an axis, wherever it leans.

use super::passage::{Layers, dot};
use super::{Address, Answers, Axes, Form, Passage, Planted, Words, anatomy, drawn};
use crate::error::Result;
use crate::essay::Lab;
use crate::layer::Point;
use crate::numbers::random::{Stream, Tensor};
use crate::spec::{Activation, Gains, NormPlacement};

/// A stack of fresh FFNs behind RMSNorms, as wide as the stream, with a pair of units along u planted in each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Saddle {
    /// s: what the pair writes of what it reads; 0 for none.
    pub strength: f64,
    /// Standard deviation of the other units' output weights over 1 / √n; 0 for none of them.
    pub noise: f64,
    /// The activation of all units.
    pub activation: Activation,
    /// The probability of the first of two words before the first layer.
    pub share: f64,
}

const WIDTH: usize = 64;
/// States that go through one stack of weights.
const STATES: usize = 32;
/// Layers of one plan.
const AT_ONCE: usize = 8;

impl Saddle {
    /// What random states that lean so much answer behind each of so many layers: of 4,096 states, or with
    /// [`Effort::Quick`](crate::essay::Effort::Quick) an eighth.
    ///
    /// # Errors
    /// What the device reports; [`Error::Partial`](crate::error::Error::Partial) where it was stopped.
    pub fn answers(&self, lab: &Lab, depth: usize) -> Result<Answers> {
        let mut answers = Answers::default();
        let stacks = lab.members(4096) / STATES;
        for stack in 0..stacks {
            let margins = self.stack(lab, stack, depth)?;
            lab.reached((stack + 1) as f64 / stacks as f64)?;
            answers.push((0..STATES).map(|state| margins.iter().map(|layer| layer[0][state]).collect()).collect());
        }
        Ok(answers)
    }

    fn stack(&self, lab: &Lab, stack: usize, depth: usize) -> Result<Vec<Vec<Vec<f64>>>> {
        let own = anatomy(WIDTH, NormPlacement::Pre, false, Some((WIDTH, self.activation)));
        let words = Words::drawn(lab.seed, stack, WIDTH);
        let axis = words.axis();
        let point = Point { step_size: 1.0, radius: 1.0, damping: 0.0 };
        let form = Form { anatomy: own.clone(), points: vec![point], tokens: 1, members: STATES, normed: true };
        let state = |member, _, _| leaning(lab.seed, stack * STATES + member, &axis, self.share);
        let mut passage = Passage::begin(lab.device, form, &words, state);
        let planted = Planted { saddle: self.strength, ..Planted::NOTHING };
        let gains = Gains { output: self.noise, ..Gains::default() };
        let mut margins = Vec::with_capacity(depth);
        while margins.len() < depth {
            let some = margins.len()..depth.min(margins.len() + AT_ONCE);
            let layers: Vec<_> = some
                .map(|layer| {
                    let mut layer = drawn(&own, gains, Address { seed: lab.seed, stack, layer });
                    planted.plant(&own, &mut layer, Axes { read: &axis, written: &axis });
                    layer
                })
                .collect();
            margins.extend(passage.pass(Layers::Each(&layers))?);
        }
        Ok(margins)
    }
}

/// A random state whose margin is that of a word with this share: √2 √n y / |x|, of a length |x| that y is part of.
fn leaning(seed: u64, member: usize, axis: &[f64], share: f64) -> Vec<f64> {
    let stream = Stream { seed, member: member as u32, tensor: Tensor::State as u32, step: 0 };
    let mut state: Vec<f64> = (0..WIDTH as u32).map(|i| stream.standard(i)).collect();
    let along = dot(&state, axis);
    state.iter_mut().zip(axis).for_each(|(x, u)| *x -= along * u);
    let lean = (share / (1.0 - share)).ln() / (2.0 * WIDTH as f64).sqrt();
    let y = dot(&state, &state).sqrt() * lean / (1.0 - lean * lean).sqrt();
    state.iter_mut().zip(axis).for_each(|(x, u)| *x += y * u);
    state
}
