//! Kernels: the arithmetic of the program, each written twice under one name.
//!
//! `shaders/NAME.wgsl` (entry point NAME) and `src/kernel/NAME.rs` (its twin on the CPU, for one member, generic over
//! f32 and f64) are the two halves of a kernel; NAME is also its label and its row in every timing table.
//! A kernel is plain data and functions: it knows no device. Its buffers carry a `members` dimension in front, which
//! the twin does not see. A [`Plan`](crate::plan::Plan) is a list of kernel runs.
//!
//! To add one: write the two files and add a line to the list at the end of this file. Parity test, shader check and
//! timing row follow from the list.

pub use crate::machine::Machine;
use crate::numbers::real::Real;
use std::any::Any;
use std::sync::Arc;

/// How a kernel uses a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only reads it.
    Read,
    /// Reads and writes it.
    Write,
}

/// What a buffer holds, as WGSL declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// `f32` on the GPU and the CPU path, `f64` on the reference.
    Real,
    /// The same, read four at a time: `vec4<f32>`.
    Real4,
    /// The same, read as its bits, `u32`: the only form in which WGSL has to let NaN be seen.
    RealBits,
    /// `u32`.
    Word,
    /// `i32`.
    Int,
}

/// One buffer of a kernel: its name in the shader, its use and its content.
pub type Binding = (&'static str, Access, Element);

/// A buffer as the twin sees it: the part of one member, or the whole where all members share it.
#[derive(Debug)]
pub enum View<'a, T> {
    /// Numbers, read.
    Real(&'a [T]),
    /// Numbers, written.
    RealMut(&'a mut [T]),
    /// Words, read.
    Word(&'a [u32]),
    /// Words, written.
    WordMut(&'a mut [u32]),
    /// Integers, read.
    Int(&'a [i32]),
    /// Integers, written.
    IntMut(&'a mut [i32]),
}

/// The work of one run for one member, counted from its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Floating-point operations; a fused multiply-add counts as two.
    pub flops: f64,
    /// Bytes that must move at least once, with four bytes a number.
    pub bytes: f64,
}

/// Parameters of a kernel: `u32`, `i32` and `f32` scalars in WGSL. An `f32` is f64 in Rust, for the twin in f64, and
/// rounded for the shader. Made by `params!`.
pub trait Params: Copy + Send + Sync + 'static {
    /// Names and WGSL types of the fields, in order.
    const FIELDS: &'static [(&'static str, &'static str)];

    /// The bytes of a uniform buffer that holds them.
    fn to_bytes(&self) -> Vec<u8>;
}

/// What a scalar of a shader is in Rust.
#[macro_export]
macro_rules! scalar {
    (f32) => {
        f64
    };
    ($kind:ident) => {
        $kind
    };
}

/// Declares the parameters of a kernel once, with what the layout check needs.
#[macro_export]
macro_rules! params {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident { $($(#[$doc:meta])* $field:ident : $kind:ident,)+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name { $($(#[$doc])* pub $field: $crate::scalar!($kind),)+ }
        impl $crate::kernel::Params for $name {
            const FIELDS: &'static [(&'static str, &'static str)] = &[$((stringify!($field), stringify!($kind)),)+];

            fn to_bytes(&self) -> Vec<u8> {
                #[derive(encase::ShaderType)]
                struct Block { $($field: $kind,)+ }
                let mut buffer = encase::UniformBuffer::new(Vec::new());
                let block = Block { $($field: self.$field as $kind,)+ };
                buffer.write(&block).expect("scalars always fit a growing buffer");
                buffer.into_inner()
            }
        }
    };
}

/// One input or output of a parity case: `members * length` elements, or `length` where members share it.
#[derive(Clone, Debug)]
pub enum CaseBuffer {
    /// Numbers of every member.
    Real(Vec<f64>),
    /// Numbers shared by all members.
    SharedReal(Vec<f64>),
    /// Words of every member.
    Word(Vec<u32>),
    /// Words shared by all members.
    SharedWord(Vec<u32>),
    /// Integers of every member.
    Int(Vec<i32>),
}

/// A parity case: the kernel is run on each device from these contents, and the outcomes are compared.
pub struct Case<P> {
    /// What is special about it.
    pub name: String,
    /// How many members.
    pub members: usize,
    /// The parameters.
    pub params: P,
    /// The contents before the run, one for each binding.
    pub buffers: Vec<CaseBuffer>,
    /// For each written buffer of numbers, in binding order: how far f32 may be from f64, for each element
    /// (of all members, as above), from an error analysis. One value serves all elements.
    pub tolerance: Vec<Vec<f64>>,
}

/// How shaders that also run in f64 declare their number type, and what stands in its place in f64.
const SINGLE: &str = include_str!("../shaders/shared/real.wgsl");
const DOUBLE: &str = include_str!("../shaders/shared/real64.wgsl");

/// One algorithm: a shader and its twin.
pub trait Kernel: Sized + 'static {
    /// The stem: shader file, entry point, Rust module, label, timing row.
    const NAME: &'static str;
    /// The shader with the shared functions that it uses in front.
    const SOURCE: &'static str;
    /// The storage buffers, at bindings 1, 2, .. in this order; the parameters are at binding 0.
    const BUFFERS: &'static [Binding];
    /// Has an adapter the workgroup memory for a run? Whoever records plans does not ask for others.
    fn fits(_params: &Self::Params, _machine: &Machine) -> bool {
        true
    }
    /// `override` constants of one run: how it is laid out on this adapter.
    fn constants(_params: &Self::Params, _machine: &Machine) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
    /// May a GPU compile it without wgpu's checks? Only where it pays, and where each loop is a `for` that plainly ends,
    /// each index stays in its array and no divisor is 0: see `device::gpu`.
    const TRUSTED: bool = false;
    /// The parameters.
    type Params: Params;
    /// Workgroups in x, y, z for a chunk of so many members, laid out as [`Kernel::constants`] says.
    fn grid(params: &Self::Params, members: u32, machine: &Machine) -> [u32; 3];
    /// The same mathematics for one member on the CPU; `views` are in the order of [`Kernel::BUFFERS`].
    fn twin<T: Real>(params: &Self::Params, views: &mut [View<T>]);
    /// The work for one member.
    fn cost(params: &Self::Params) -> Cost;
    /// The cases on which devices must agree.
    fn cases() -> Vec<Case<Self::Params>>;
}

type Twin<T> = fn(&(dyn Any + Send + Sync), &mut [View<T>]);

/// A kernel without its types: a row of the list.
#[allow(missing_docs, reason = "the fields are the items of `Kernel`, with the parameters erased")]
pub struct Entry {
    pub name: &'static str,
    pub source: &'static str,
    pub buffers: &'static [Binding],
    pub fields: &'static [(&'static str, &'static str)],
    pub trusted: bool,
    pub fits: fn(&(dyn Any + Send + Sync), &Machine) -> bool,
    pub constants: fn(&(dyn Any + Send + Sync), &Machine) -> Vec<(&'static str, f64)>,
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
    pub bytes: Vec<u8>,
}

impl ErasedParams {
    /// Forgets the type.
    pub fn new<P: Params>(params: P) -> Self {
        ErasedParams { bytes: params.to_bytes(), value: Arc::new(params) }
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
            source: K::SOURCE,
            buffers: K::BUFFERS,
            fields: <K::Params as Params>::FIELDS,
            trusted: K::TRUSTED,
            fits: |params, machine| K::fits(typed(params), machine),
            constants: |params, machine| K::constants(typed(params), machine),
            grid: |params, members, machine| K::grid(typed(params), members, machine),
            cost: |params| K::cost(typed(params)),
            twin_f32: |params, views| K::twin::<f32>(typed(params), views),
            twin_f64: |params, views| K::twin::<f64>(typed(params), views),
            cases: || K::cases().into_iter().map(erase).collect(),
        }
    }
}

impl Entry {
    /// The shader in f64, of a kernel that has such a form.
    pub fn source_in_f64(&self) -> Option<String> {
        self.source.contains(SINGLE).then(|| self.source.replace(SINGLE, DOUBLE))
    }
}

fn erase<P: Params>(case: Case<P>) -> Case<ErasedParams> {
    Case {
        name: case.name,
        members: case.members,
        params: ErasedParams::new(case.params),
        buffers: case.buffers,
        tolerance: case.tolerance,
    }
}

/// The row of a kernel, for plans.
pub trait Row: Kernel {
    /// The row.
    const ENTRY: &'static Entry = &Entry::of::<Self>();
}

impl<K: Kernel> Row for K {}

/// What a twin says when its pattern does not fit its own list of buffers.
pub fn mismatch(name: &str) -> ! {
    unreachable!("{name}: the twin's pattern and BUFFERS disagree")
}

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
    euler_steps: EulerSteps,
    factorise: Factorise,
    solve: Solve,
    orthonormalise: Orthonormalise,
    record: Record,
    combine: Combine,
    normalise: Normalise,
    project: Project,
    attend: Attend,
    observe: Observe,
    transformer_steps: TransformerSteps,
    fill_tangents: FillTangents,
    fill_basis: FillBasis,
    normalise_tangent: NormaliseTangent,
    project_tangent: ProjectTangent,
    token_differences: TokenDifferences,
    attend_tangent: AttendTangent,
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
