//! Block layouts: those of 32 to 256 invocations that fit an adapter (of 8 on a software driver), timed on the products
//! that layers are made of, beside the one that [`Blocks::of`] chooses without having seen the adapter. Where there are
//! no timestamps, times include the drawing of weights, and small products look more alike than they are. The choice changes the order of no sum but that of the norms,
//! so it is made in the source and not at run time: results stay the same from run to run.

use super::measure::wake;
use super::watch::{News, Watch};
use crate::device::Device;
use crate::device::gpu::Gpu;
use crate::error::{Error, Result};
use crate::kernel::euler_steps::{self, EulerSteps};
use crate::kernel::euler_update::{self, EulerUpdate};
use crate::kernel::project::{self, Project};
use crate::kernel::{Cost, Signature};
use crate::machine::{Blocks, Machine};
use crate::numbers::random::Tensor;
use crate::plan::{Plan, Reals};
use crate::weights::{Columns, Size, Source, State};
use serde::Serialize;

/// Columns of every product.
const COLUMNS: usize = 256;
/// Runs of a product in a plan.
const RUNS: usize = 4;
/// Invocations of a workgroup that every adapter has.
const MOST_INVOCATIONS: u32 = 256;

/// One layout of one product on one device.
#[derive(Clone, Debug, Serialize)]
pub struct BlockTime {
    /// The device.
    pub device: &'static str,
    /// The kernel.
    pub kernel: &'static str,
    /// Rows and terms of the product, and its columns.
    pub shape: [usize; 3],
    /// The layout.
    pub blocks: Blocks,
    /// Is it the one that the program takes?
    pub chosen: bool,
    /// 10^9 operations a second in the median repetition.
    pub gflops: f64,
}

/// A product to time.
#[derive(Clone, Copy)]
enum Product {
    /// A linear step, or the end of a sublayer.
    Update,
    /// The begin of a sublayer.
    Projection,
    /// Linear steps in one run.
    Steps,
}

/// Times all layouts on a GPU, nothing on other devices, until `watch` stops.
pub(super) fn blocks(
    device: &Device,
    label: &'static str,
    quick: bool,
    watch: &mut Watch<'_>,
) -> Result<Vec<BlockTime>> {
    let Device::Gpu(gpu) = device else { return Ok(Vec::new()) };
    let products = match quick {
        true => vec![(Product::Update, 16, 16), (Product::Steps, 16, 16)],
        false => vec![
            (Product::Update, 16, 16),
            (Product::Update, 32, 32),
            (Product::Update, 64, 64),
            (Product::Update, 128, 128),
            (Product::Update, 64, 256),
            (Product::Projection, 192, 64),
            (Product::Projection, 256, 64),
            (Product::Steps, 32, 32),
            (Product::Steps, 64, 64),
            (Product::Steps, 128, 128),
        ],
    };
    let mut times = Vec::new();
    let count = products.len();
    for (i, (product, rows, inner)) in products.into_iter().enumerate() {
        let trial = Trial::new(gpu, product, rows, inner, quick);
        // Else the first layout would seem a third as fast as it is.
        wake(device, watch, || trial.run(device))?;
        let mut own: Vec<BlockTime> = Vec::new();
        for (blocks, chosen) in candidates(product, rows, inner, &gpu.machine()) {
            if !watch.at(i as f64 / count as f64, trial.kernel) {
                break;
            }
            let best = own.iter().map(|time| time.gflops).fold(0.0, f64::max);
            let gflops = gpu.with_blocks(blocks, || trial.gflops(device, best))?;
            own.push(BlockTime {
                device: label,
                kernel: trial.kernel,
                shape: [rows, inner, COLUMNS],
                blocks,
                chosen,
                gflops,
            });
        }
        if watch.is_stopped() && own.is_empty() {
            break;
        }
        own.sort_by(|a, b| b.gflops.total_cmp(&a.gflops));
        watch.tell(News::Blocks(&own));
        times.extend(own);
    }
    Ok(times)
}

/// The layouts of a product that fit, and whether they are chosen.
fn candidates(product: Product, rows: usize, inner: usize, machine: &Machine) -> Vec<(Blocks, bool)> {
    let (rows, columns) = (rows as u32, COLUMNS as u32);
    if matches!(product, Product::Steps) {
        return vec![(euler_steps::blocks(rows, columns, machine), true)];
    }
    let chosen = Blocks::of([rows, inner as u32, columns], machine);
    let mut all = vec![(chosen, true)];
    let lanes = [1, 2, 4, 8, 16, 32];
    for (row_lanes, column_lanes) in lanes.into_iter().flat_map(|rows| lanes.map(|columns| (rows, columns))) {
        for (tall, wide, staged) in [(4, 4), (8, 4), (8, 8)]
            .into_iter()
            .flat_map(|(rows, columns)| [false, true].map(|staged| (rows == 8, columns == 8, staged)))
        {
            let blocks = Blocks { row_lanes, column_lanes, tall, wide, staged };
            // No lane may be idle, and a barrier on a software driver costs too much to try many of them.
            let used =
                4 * (blocks.tile_rows() - row_lanes) < rows && 4 * (blocks.tile_quads() - column_lanes) < columns;
            let invocations = row_lanes * column_lanes;
            let sensible = match machine.is_software() {
                true => invocations == 8,
                false => (32..=MOST_INVOCATIONS).contains(&invocations),
            };
            let fits = blocks.bytes_of_product(inner as u32) <= machine.workgroup_bytes;
            if used && sensible && fits && blocks != chosen {
                all.push((blocks, false));
            }
        }
    }
    all
}

/// A plan that runs a product some times.
struct Trial {
    plan: Plan,
    source: Source,
    kernel: &'static str,
    members: usize,
    cost: Cost,
    repetitions: usize,
}

impl Trial {
    fn new(gpu: &Gpu, product: Product, rows: usize, inner: usize, quick: bool) -> Self {
        let mut plan = Plan::new();
        let source = Source::new(&mut plan, 1);
        let weights = plan.reals("weights", rows * inner);
        source.draw(&mut plan, Tensor::Up, 0, Size { rows, columns: inner }, weights);
        let input = State::new(&mut plan, inner, COLUMNS);
        source.draw_state(
            &mut plan,
            Tensor::State,
            Columns { rows: inner, count: COLUMNS, tokens: COLUMNS },
            true,
            &input,
        );
        let (kernel, output) = match product {
            Product::Update => (EulerUpdate::NAME, updates(&mut plan, weights, &input, rows, inner)),
            Product::Projection => (Project::NAME, projections(&mut plan, weights, &input, rows, inner)),
            Product::Steps => (EulerSteps::NAME, steps(&mut plan, weights, &input, rows)),
        };
        plan.output(output);
        let own = plan.runs.iter().rfind(|run| run.entry.name == kernel).expect("the plan runs it");
        let cost = (own.entry.cost)(&*own.params.value);
        let (flops, repetitions) = match (quick, gpu.description().software) {
            (true, _) => (1e7, 1),
            (false, true) => (5e7, 2),
            (false, false) => (1e10, 3),
        };
        let members = ((flops / cost.flops) as usize).clamp(1, (512 << 20) / plan.bytes_per_member(4) as usize);
        Trial { plan, source, kernel, members, cost, repetitions }
    }

    /// One repetition.
    fn run(&self, device: &Device) -> Result<()> {
        device.run(&self.plan, self.members, 0, &self.source.inputs(0..self.members), &mut |_| Ok(()))
    }

    /// Of the median repetition behind the first one, which warms up; one is enough of a layout that is far from the
    /// best.
    fn gflops(&self, device: &Device, best: f64) -> Result<f64> {
        let mut own = Vec::new();
        for repetition in 0..=self.repetitions {
            let (result, profile) = device.profiled(|| self.run(device));
            result?;
            let seconds = profile.kernels.get(self.kernel).copied().unwrap_or(profile.compute);
            if repetition > 0 && seconds > 0.0 {
                own.push(self.cost.flops * (RUNS * self.members) as f64 / seconds / 1e9);
            }
            if own.iter().any(|&gflops| gflops < best / 4.0) {
                break;
            }
        }
        match own.is_empty() {
            false => Ok(super::median(own.into_iter())),
            true => Err(Error::Device(format!("{} took no time by the adapter's clock", self.kernel))),
        }
    }
}

fn updates(plan: &mut Plan, weights: Reals, input: &State, rows: usize, inner: usize) -> Reals {
    let x = State::new(plan, rows, COLUMNS);
    let out = plan.reals("out", rows * COLUMNS);
    let coefficients = plan.shared_reals("coefficients", vec![0.5; 2 * COLUMNS]);
    let gain = plan.shared_reals("member_gain", vec![1.0]);
    let params = euler_update::Params {
        rows: rows as u32,
        inner: inner as u32,
        columns: COLUMNS as u32,
        step: 1,
        record: 1,
        renormalise: 0,
        threshold_exponent: 10,
        threshold_mantissa: 1.0,
    };
    let buffers = euler_update::Buffers {
        weights,
        input: input.x,
        x: x.x,
        coefficients,
        member_gain: gain,
        out,
        norms: x.norms,
        events: x.events,
    };
    for _ in 0..RUNS {
        plan.run(params, buffers);
    }
    x.norms
}

fn projections(plan: &mut Plan, weights: Reals, input: &State, rows: usize, inner: usize) -> Reals {
    let out = plan.reals("out", rows * COLUMNS);
    let (rows, inner, columns) = (rows as u32, inner as u32, COLUMNS as u32);
    let params =
        project::Params { rows, inner, columns, activation: crate::numbers::activation::kind::GELU, scale: 0.1 };
    for _ in 0..RUNS {
        plan.run(params, project::Buffers { weights, input: input.x, out });
    }
    // Something small that comes back: nobody looks at it.
    input.norms
}

fn steps(plan: &mut Plan, weights: Reals, input: &State, rows: usize) -> Reals {
    let coefficients = plan.shared_reals("coefficients", vec![0.1; 2 * COLUMNS]);
    let gain = plan.shared_reals("member_gain", vec![1.0]);
    for run in 0..RUNS {
        let params = euler_steps::Params {
            rows: rows as u32,
            columns: COLUMNS as u32,
            first: (1 + run * euler_steps::STEPS) as u32,
            steps: euler_steps::STEPS as u32,
            renormalise: 1,
            threshold_exponent: 10,
            threshold_mantissa: 1.0,
        };
        let State { x, norms, events } = *input;
        plan.run(params, euler_steps::Buffers { weights, coefficients, member_gain: gain, x, norms, events });
    }
    input.norms
}
