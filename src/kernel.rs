//! Kernels: the arithmetic of the program, each written twice under one name.
//!
//! `shaders/NAME.wgsl` (entry point NAME) and `src/kernel/NAME.rs` (its twin on the CPU, for one member, generic over
//! f32 and f64) are the two halves of a kernel; NAME is also its label and its row in every timing table.
//! A kernel is plain data and functions: it knows no device. Its buffers carry a `members` dimension in front, which
//! the twin does not see. A [`Plan`](crate::plan::Plan) is a list of kernel runs.
//!
//! To add one: write the two files and add a line to the list at the end of this file. Parity test, shader check and
//! timing row follow from the list. What the two halves have in common, names, parameters, buffers and constants, is
//! declared once, by [`kernel!`](signature); what several kernels have in common is in [`shared`].

pub mod shared;
pub mod signature;

pub use crate::machine::Machine;
use crate::numbers::real::Real;
use shared::part;
pub use signature::{
    Access, Arguments, Binding, BufferId, Case, CaseBuffer, Constant, Content, Element, Id, Ints, Params, Part, Reals,
    Signature, View, Words,
};
use std::any::Any;
use std::sync::Arc;

/// The work of one run for one member, counted from its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Floating-point operations; a fused multiply-add counts as two.
    pub flops: f64,
    /// Bytes that must move at least once, with four bytes a number.
    pub bytes: f64,
}

impl Cost {
    /// Flops plus bytes, which tells times to a factor of a few.
    pub fn work(&self) -> f64 {
        self.flops + self.bytes
    }
}

/// One algorithm: a shader and its twin.
pub trait Kernel: Signature {
    /// Has an adapter the workgroup memory for a run? Whoever records plans does not ask for others.
    fn fits(_params: &Self::Params, _machine: &Machine) -> bool {
        true
    }
    /// The `override` constants of one run: how it is laid out on this adapter.
    fn overrides(_params: &Self::Params, _machine: &Machine) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
    /// May a GPU compile it without wgpu's checks? Only where it pays, and where each loop is a `for` that plainly ends,
    /// each index stays in its array and no divisor is 0: see `device::gpu`.
    const TRUSTED: bool = false;
    /// Workgroups in x, y, z for a chunk of so many members, laid out as [`Kernel::overrides`] says.
    fn grid(params: &Self::Params, members: u32, machine: &Machine) -> [u32; 3];
    /// The same mathematics for one member on the CPU.
    fn twin<T: Real>(params: &Self::Params, views: Self::Views<'_, T>);
    /// The work for one member.
    fn cost(params: &Self::Params) -> Cost;
    /// The cases on which devices must agree.
    fn cases() -> Vec<Case<Self::Params>>;
}

type Twin<T> = fn(&(dyn Any + Send + Sync), &mut [View<T>]);

/// A kernel without its types: a row of the list.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the fields are the items of `Signature` and `Kernel`, with the parameters erased")]
pub struct Entry {
    pub name: &'static str,
    pub parts: &'static [Part],
    pub buffers: &'static [Binding],
    pub fields: &'static [(&'static str, &'static str)],
    pub trusted: bool,
    pub fits: fn(&(dyn Any + Send + Sync), &Machine) -> bool,
    pub overrides: fn(&(dyn Any + Send + Sync), &Machine) -> Vec<(&'static str, f64)>,
    pub grid: fn(&(dyn Any + Send + Sync), u32, &Machine) -> [u32; 3],
    pub cost: fn(&(dyn Any + Send + Sync)) -> Cost,
    pub twin_f32: Twin<f32>,
    pub twin_f64: Twin<f64>,
    pub cases: fn() -> Vec<Case<ErasedParams>>,
}

/// The parameters of some kernel.
#[derive(Clone)]
pub struct ErasedParams {
    /// The Rust value, for the twin.
    pub value: Arc<dyn Any + Send + Sync>,
    /// The bytes, for the shader.
    #[cfg(feature = "gpu")]
    pub bytes: Vec<u8>,
}

impl ErasedParams {
    /// Forgets the type.
    pub fn new<P: Params>(params: P) -> Self {
        ErasedParams {
            #[cfg(feature = "gpu")]
            bytes: params.to_bytes(),
            value: Arc::new(params),
        }
    }
}

fn typed<P: 'static>(params: &(dyn Any + Send + Sync)) -> &P {
    params.downcast_ref().expect("a run holds the parameters of its own kernel")
}

impl Entry {
    /// The row of kernel `K`.
    pub const fn of<K: Kernel>() -> Self {
        Entry {
            name: K::NAME,
            parts: K::PARTS,
            buffers: K::BUFFERS,
            fields: <K::Params as Params>::FIELDS,
            trusted: K::TRUSTED,
            fits: |params, machine| K::fits(typed(params), machine),
            overrides: |params, machine| K::overrides(typed(params), machine),
            grid: |params, members, machine| K::grid(typed(params), members, machine),
            cost: |params| K::cost(typed(params)),
            twin_f32: |params, views| K::twin::<f32>(typed(params), K::views(views)),
            twin_f64: |params, views| K::twin::<f64>(typed(params), K::views(views)),
            cases: || K::cases().into_iter().map(Case::erased).collect(),
        }
    }

    /// The shader, in f32.
    pub fn source(&self) -> String {
        self.parts.iter().map(|part| part.source).collect()
    }

    /// The parts of the shader in f64, of a kernel that knows its number type by an alias alone.
    pub fn parts_in_f64(&self) -> Option<Vec<Part>> {
        let is_alias = |part: &Part| part.stem == part::real.stem;
        let wide = |part: &Part| if is_alias(part) { part::real64 } else { *part };
        self.parts.iter().any(is_alias).then(|| self.parts.iter().map(wide).collect())
    }
}

/// The row of a kernel, for plans.
pub trait Row: Kernel {
    /// The row.
    const ENTRY: &'static Entry = &Entry::of::<Self>();
}

impl<K: Kernel> Row for K {}

macro_rules! kernels {
    ($($module:ident : $kernel:ident,)+) => {
        $(pub mod $module;)+

        /// Every kernel of the program.
        pub static KERNELS: &[Entry] = &[$(Entry::of::<$module::$kernel>(),)+];
    };
}

kernels! {
    fill_random: FillRandom,
    fill_state: FillState,
    euler_update: EulerUpdate,
    add_bias: AddBias,
    euler_steps: EulerSteps,
    factorise: Factorise,
    solve: Solve,
    orthonormalise: Orthonormalise,
    save: Save,
    combine: Combine,
    normalise: Normalise,
    project: Project,
    attend: Attend,
    end_step: EndStep,
    transformer_steps: TransformerSteps,
    fill_tangents: FillTangents,
    fill_basis: FillBasis,
    normalise_tangent: NormaliseTangent,
    project_tangent: ProjectTangent,
    token_differences: TokenDifferences,
    affine: Affine,
    rotate: Rotate,
    activate: Activate,
    activate_tangent: ActivateTangent,
    select_columns: SelectColumns,
    project_adjoint: ProjectAdjoint,
    activate_adjoint: ActivateAdjoint,
    attend_adjoint: AttendAdjoint,
    attend_adjoint_keys: AttendAdjointKeys,
    update_adjoint: UpdateAdjoint,
    attend_tangent: AttendTangent,
    attend_own_tangent: AttendOwnTangent,
    rescale_tangent: RescaleTangent,
    audit: Audit,
    components: Components,
    balance: Balance,
    hessenberg: Hessenberg,
    francis: Francis,
    diagonal_blocks: DiagonalBlocks,
    spectral_summary: SpectralSummary,
    transposed_product: TransposedProduct,
    tridiagonal: Tridiagonal,
    largest_eigenvalue: LargestEigenvalue,
    departure: Departure,
    watch_power: WatchPower,
    inverse_lanczos: InverseLanczos,
    ritz_value: RitzValue,
    probe: Probe,
    probe_fma: ProbeFma,
    probe_copy: ProbeCopy,
}
