//! Evidence without noise and without a norm: attention to marked tokens, which no layer rewrites.

use super::passage::Layers;
use super::{Axes, Form, Passage, Planted, Words, anatomy, blank, put_row};
use crate::device::Device;
use crate::error::Result;
use crate::layer::Point;
use crate::spec::NormPlacement;
use crate::theory::LogOdds;

/// A query that sees tokens marked +v and -v; their values write ±θ u, and it draws attention by κ y / 2.
///
/// Its y = <x, u> takes steps y' = (1 - γ) y + h θ tanh((κ y + b) / 2) exactly, with b = ln(planet / element), while the
/// marks last: with friction they shrink by 1 - γ at each step, and what they add and how much they are attended to with
/// them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Tokens marked +v.
    pub planet: usize,
    /// Tokens marked -v.
    pub element: usize,
    /// θ.
    pub value: f64,
    /// κ.
    pub feedback: f64,
    /// h and γ.
    pub point: Point,
}

const WIDTH: usize = 8;
/// The query's score of itself, in units of 1 / √n: it is never attended to.
const SELF: f64 = 1e4;
/// Steps of one plan.
const AT_ONCE: usize = 200;

impl Evidence {
    /// The layer without friction in closed form.
    pub fn law(&self) -> LogOdds {
        LogOdds {
            step_size: self.point.step_size,
            damping: self.point.damping,
            value: self.value,
            feedback: self.feedback,
            evidence: (self.planet as f64 / self.element as f64).ln(),
        }
    }

    /// y from `start` on behind each of so many layers.
    ///
    /// # Errors
    /// What the device reports.
    pub fn course(&self, device: &Device, start: f64, steps: usize) -> Result<Vec<f64>> {
        let own = anatomy(WIDTH, NormPlacement::None, true, None);
        let [u, v, w] = [0, 1, 2].map(basis);
        let mut layer = blank(&own);
        let planted = Planted { feedback: self.feedback, value: self.value, saddle: 0.0 };
        planted.plant(&own, &mut layer, Axes { read: &v, written: &u });
        let input = &mut layer.attention.input;
        put_row(input, 1, &w, SELF.sqrt());
        put_row(input, WIDTH + 1, &w, -SELF.sqrt());
        let seen = self.planet + self.element;
        let form = Form { anatomy: own, points: vec![self.point], tokens: seen + 1, members: 1, normed: false };
        let words = Words { rows: [u.clone(), vec![0.0; WIDTH]] };
        let mut passage = Passage::begin(device, form, &words, |_, _, token| {
            let sign = if token < self.planet { 1.0 } else { -1.0 };
            match token < seen {
                true => v.iter().map(|v| sign * v).collect(),
                false => u.iter().zip(&w).map(|(u, w)| start * u + w).collect(),
            }
        });
        let mut course = Vec::with_capacity(steps);
        while course.len() < steps {
            let some = AT_ONCE.min(steps - course.len());
            course.extend(passage.pass(Layers::Repeated(&layer, some))?.iter().map(|points| points[0][0]));
        }
        Ok(course)
    }

    /// The time h k at which y first exceeds `level`, interpolated between layers, if it does within so much time.
    ///
    /// # Errors
    /// What the device reports.
    pub fn commitment(&self, device: &Device, start: f64, level: f64, time: f64) -> Result<Option<f64>> {
        let h = self.point.step_size;
        let course = self.course(device, start, (time / h).ceil() as usize)?;
        let Some(step) = course.iter().position(|&y| y > level) else { return Ok(None) };
        let before = if step == 0 { start } else { course[step - 1] };
        Ok(Some(h * (step as f64 + (level - before) / (course[step] - before))))
    }
}

fn basis(row: usize) -> Vec<f64> {
    (0..WIDTH).map(|i| f64::from(u8::from(i == row))).collect()
}
