//! The random numbers: Threefry of an address, and the quantile of the normal distribution in fixed point.

use super::number::{area_under_the_density, density};
use std::sync::OnceLock;

/// Recorded with every result; part of every key.
pub const STREAM_VERSION: u32 = 1;

/// What a number is for.
#[derive(Clone, Copy)]
pub enum Tensor {
    Linear = 1,
    State = 2,
    Deviations = 3,
    QueryKeyValue = 4,
    Output = 7,
    Up = 8,
    Down = 9,
    /// The tangent along a trajectory of a sweep.
    Perturbation = 10,
    /// Biases, in the order of their projections.
    QueryKeyValueBias = 15,
    OutputBias = 16,
    UpBias = 17,
    DownBias = 18,
}

/// Threefry-4x32 with 20 rounds, from the paper (Salmon et al. 2011): key words between groups of four rounds.
pub fn threefry(key: [u32; 4], counter: [u32; 4]) -> [u32; 4] {
    const ROTATIONS: [(u32, u32); 8] = [(10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20)];
    let mut words = key.to_vec();
    words.push(key.iter().fold(0x1BD1_1BDA, |parity, word| parity ^ word));
    let [mut a, mut b, mut c, mut d] = counter;
    for round in 0..=20 {
        if round % 4 == 0 {
            let group = round / 4;
            a = a.wrapping_add(words[group % 5]);
            b = b.wrapping_add(words[(group + 1) % 5]);
            c = c.wrapping_add(words[(group + 2) % 5]);
            d = d.wrapping_add(words[(group + 3) % 5]).wrapping_add(group as u32);
        }
        if round == 20 {
            break;
        }
        let (left, right) = ROTATIONS[round % 8];
        a = a.wrapping_add(b);
        b = b.rotate_left(left) ^ a;
        c = c.wrapping_add(d);
        d = d.rotate_left(right) ^ c;
        // The paper exchanges the second and the fourth word after every round.
        (b, d) = (d, b);
    }
    [a, b, c, d]
}

/// Where the numbers of one tensor of one member come from.
#[derive(Clone, Copy)]
pub struct Address {
    pub seed: u64,
    pub member: u32,
    pub tensor: Tensor,
    /// Of the layer: 0 for tied weights and for states, else steps from 0.
    pub step: u32,
}

impl Address {
    /// The random word of an element.
    fn word(&self, element: usize) -> u32 {
        let key = [self.seed as u32, (self.seed >> 32) as u32, STREAM_VERSION, 0];
        threefry(key, [(element / 4) as u32, self.tensor as u32, self.step, self.member])[element % 4]
    }

    /// A standard normal number, a multiple of 2^-21.
    pub fn normal(&self, element: usize) -> f64 {
        normal_steps(self.word(element)) as f64 / (1 << 21) as f64
    }

    /// A matrix of them, row by row.
    pub fn matrix(&self, rows: usize, columns: usize) -> Vec<Vec<f64>> {
        (0..rows).map(|r| (0..columns).map(|c| self.normal(r * columns + c)).collect()).collect()
    }
}

/// The normal number of a word, in steps of 2^-21.
///
/// Bit 31 is the sign, the others are v, and the tail probability is p = (2 v + 1) / 2^33. With p = 2^-k (1 + s / 32 +
/// t / 32) / 4, where k and s are whole and t < 1, the quantile is a parabola in t through its values at t = 0, 1/2, 1,
/// with coefficients rounded to 2^-28; so is the result, to 2^-21. Products are rounded down to 2^-28.
pub fn normal_steps(word: u32) -> i64 {
    let p = 2 * u64::from(word & 0x7fff_ffff) + 1;
    let k = p.leading_zeros() - 32;
    let mantissa = p << k;
    let s = (mantissa >> 26) as usize % 32;
    let t = (mantissa << 6) as u32 as u64;
    let [c0, c1, c2] = parabolas()[32 * k as usize + s];
    let quantile = c0 - ((t * (c1 - ((t * c2) >> 32))) >> 32);
    let magnitude = (quantile + 64) as i64 >> 7;
    if word >> 31 == 1 { -magnitude } else { magnitude }
}

/// The coefficients of all parabolas, in steps of 2^-28: value at t = 0, minus slope there, curvature.
fn parabolas() -> &'static [[u64; 3]] {
    static TABLE: OnceLock<Vec<[u64; 3]>> = OnceLock::new();
    TABLE.get_or_init(|| (0..32 * 32).map(|i| parabola(i / 32, i % 32)).collect())
}

fn parabola(k: i32, s: i32) -> [u64; 3] {
    let at = |t: f64| upper_quantile(0.25 * 0.5_f64.powi(k) * (1.0 + (f64::from(s) + t) / 32.0));
    let (start, middle, end) = (at(0.0), at(0.5), at(1.0));
    let curvature = 2.0 * (start - 2.0 * middle + end);
    [start, start - end + curvature, curvature].map(|c| (c * (1 << 28) as f64).round() as u64)
}

/// z with P(N(0, 1) > z) = p, for p up to 1/2, by bisection.
fn upper_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 9.0);
    for _ in 0..70 {
        let z = (low + high) / 2.0;
        if upper_tail(z) > p { low = z } else { high = z }
    }
    (low + high) / 2.0
}

/// P(N(0, 1) > z). Beyond 2 by Mills' ratio, the integral of e^(-z s - s²/2) over s > 0, for 1/2 - area would cancel.
fn upper_tail(z: f64) -> f64 {
    if z < 2.0 {
        return 0.5 - area_under_the_density(z);
    }
    density(z) * mills_ratio(z)
}

/// The integral of e^(-z s - s²/2) over s > 0, by the trapezoidal rule after s = e^(u - e^-u), which converges
/// exponentially (Takahasi and Mori 1974).
fn mills_ratio(z: f64) -> f64 {
    let step = 1.0 / 32.0;
    let term = |i: i32| {
        let u = f64::from(i) * step;
        let s = (u - (-u).exp()).exp();
        s * (1.0 + (-u).exp()) * (-z * s - s * s / 2.0).exp()
    };
    (-160..160).map(term).sum::<f64>() * step
}

/// A well-mixed word for every place (Steele, Lea and Flood 2014), for what is brought along and not the program's.
pub fn splitmix(place: u64) -> u64 {
    let mut z = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
