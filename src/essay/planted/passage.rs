//! States of many members on their way through written layers, and what is read of them.

use crate::device::Device;
use crate::error::Result;
use crate::kernel::shared::PADDING;
use crate::layer::Shape;
use crate::layer::anatomy::Anatomy;
use crate::layer::{NonlinearLayer, Point, learned, normed_alone};
use crate::numbers::random::{Stream, Tensor};
use crate::plan::{Data, Inputs, Output, Plan, Reals};
use crate::spec::Integrator;
use crate::weights::{LearnedLayer, Projection};
use std::ops::Range;

/// Two words as directions of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    /// Two vectors, `[width]`.
    pub rows: [Vec<f64>; 2],
}

impl Words {
    /// Two orthonormal random directions: the embeddings of words 2 stack and 2 stack + 1.
    pub fn drawn(seed: u64, stack: usize, width: usize) -> Self {
        let [mut first, mut second] = [0, 1].map(|word| {
            let member = (2 * stack + word) as u32;
            let stream = Stream { seed, member, tensor: Tensor::Embedding as u32, step: 0 };
            (0..width as u32).map(|i| stream.standard(i)).collect::<Vec<f64>>()
        });
        unit(&mut first);
        let shared = dot(&first, &second);
        second.iter_mut().zip(&first).for_each(|(x, &other)| *x -= shared * other);
        unit(&mut second);
        Words { rows: [first, second] }
    }

    /// From the second to the first: their difference over √2.
    pub fn axis(&self) -> Vec<f64> {
        let [first, second] = &self.rows;
        first.iter().zip(second).map(|(a, b)| (a - b) * std::f64::consts::FRAC_1_SQRT_2).collect()
    }
}

fn unit(x: &mut [f64]) {
    let length = dot(x, x).sqrt();
    x.iter_mut().for_each(|x| *x /= length);
}

/// <a, b>.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What all members of a passage have in common.
#[derive(Clone, Debug)]
pub struct Form {
    /// That of every layer.
    pub anatomy: Anatomy,
    /// The grid points, each with states of its own.
    pub points: Vec<Point>,
    /// Tokens of each.
    pub tokens: usize,
    /// How many members there are.
    pub members: usize,
    /// Are logits read behind a final norm?
    pub normed: bool,
}

impl Form {
    fn shape(&self) -> Shape {
        Shape::new(self.anatomy.width, self.tokens, self.points.len())
    }
}

/// States between two layers.
pub struct Passage<'a> {
    device: &'a Device,
    form: Form,
    /// `[words, width]`.
    unembedding: Projection,
    /// `[members, rows, columns]`, padded; column `point * tokens + token`.
    state: Vec<f64>,
}

/// Layers that follow one another.
#[derive(Clone, Copy)]
pub enum Layers<'a> {
    /// Each once.
    Each(&'a [LearnedLayer]),
    /// One, so many times.
    Repeated(&'a LearnedLayer, usize),
}

impl<'a> Passage<'a> {
    /// States `[width]` of each member, point and token.
    pub fn begin(
        device: &'a Device,
        form: Form,
        words: &Words,
        state: impl Fn(usize, usize, usize) -> Vec<f64>,
    ) -> Self {
        let shape = form.shape();
        let mut states = vec![0.0; form.members * shape.rows * shape.columns];
        for (member, states) in states.chunks_mut(shape.rows * shape.columns).enumerate() {
            for column in 0..form.points.len() * form.tokens {
                let own = state(member, column / form.tokens, column % form.tokens);
                own.iter().enumerate().for_each(|(row, &x)| states[row * shape.columns + column] = x);
            }
        }
        let weights = words.rows.concat().iter().map(|&x| x as f32).collect();
        Passage { device, form, unembedding: Projection::new(weights, None), state: states }
    }

    /// Takes the states through some layers. Returns the margins of the last token behind each, `[layers][points][members]`:
    /// the logit of the first word less that of the second.
    ///
    /// # Errors
    /// What the device reports.
    pub fn pass(&mut self, layers: Layers) -> Result<Vec<Vec<Vec<f64>>>> {
        let mut plan = Plan::new();
        let (start, end, logits) = self.record(&mut plan, layers);
        let end = plan.output(end);
        let inputs = Inputs::new().with(start, Data::F64(std::mem::take(&mut self.state)));
        let (points, shape) = (self.form.points.len(), self.form.shape());
        let mut margins = vec![vec![Vec::with_capacity(self.form.members); points]; logits.len()];
        let mut after = Vec::with_capacity(self.form.members * shape.rows * shape.columns);
        let last = |point: usize| point * self.form.tokens + self.form.tokens - 1;
        self.device.run(&plan, self.form.members, 0, &inputs, &mut |chunk| {
            after.extend(chunk.reals(end).to_vec());
            for (&logits, margins) in logits.iter().zip(&mut margins) {
                let numbers = chunk.reals(logits);
                for (member, point) in (0..chunk.members.len()).flat_map(|m| (0..points).map(move |p| (m, p))) {
                    let first = member * WORDS * shape.columns + last(point);
                    margins[point].push(numbers.at(first) - numbers.at(first + shape.columns));
                }
            }
            Ok(())
        })?;
        self.state = after;
        Ok(margins)
    }

    /// The plan of some layers: their input, the states behind the last, and the logits behind each.
    fn record(&self, plan: &mut Plan, layers: Layers) -> (Reals, Reals, Vec<Output<Reals>>) {
        let Form { anatomy, points, tokens, .. } = &self.form;
        let learned =
            |plan: &mut Plan, own| NonlinearLayer::learned(plan, anatomy, own, Integrator::Euler, *tokens, points);
        let unembedding = learned::matrix(plan, "unembedding", &self.unembedding, anatomy.width);
        let (mut x, mut start, mut logits) = (None, None, Vec::new());
        let mut step = |plan: &mut Plan, layer: &mut NonlinearLayer| {
            let from = x.unwrap_or_else(|| *start.insert(plan.input(layer.start_buffer())));
            let after = layer.step(plan, from, 1, 0);
            x = Some(after);
            logits.push(self.read(plan, unembedding, after));
        };
        match layers {
            Layers::Each(all) => all.iter().for_each(|own| {
                let mut layer = learned(plan, own);
                step(plan, &mut layer);
            }),
            Layers::Repeated(own, times) => {
                let mut layer = learned(plan, own);
                (0..times).for_each(|_| step(plan, &mut layer));
            }
        }
        let (start, end) = start.zip(x).expect("there is a layer");
        (start, end, logits)
    }

    /// The logits `[WORDS, columns]` of state x.
    fn read(&self, plan: &mut Plan, weights: Reals, x: Reals) -> Output<Reals> {
        let shape = self.form.shape();
        let input = match self.form.normed {
            true => normed_alone(plan, shape, self.form.anatomy.norm, None, x),
            false => x,
        };
        let out = learned::read_out(plan, weights, WORDS, shape, input);
        plan.output(out)
    }

    /// Reflects some tokens of a point across the plane that a unit vector is normal to.
    pub fn reflect(&mut self, point: usize, tokens: Range<usize>, axis: &[f64]) {
        let (shape, first) = (self.form.shape(), point * self.form.tokens);
        for states in self.state.chunks_mut(shape.rows * shape.columns) {
            for column in tokens.clone().map(|token| first + token) {
                let along: f64 = axis.iter().enumerate().map(|(row, u)| u * states[row * shape.columns + column]).sum();
                for (row, u) in axis.iter().enumerate() {
                    states[row * shape.columns + column] -= 2.0 * along * u;
                }
            }
        }
    }
}

/// Rows of the unembedding, padded.
const WORDS: usize = PADDING;
