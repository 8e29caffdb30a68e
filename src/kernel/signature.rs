//! What a kernel declares, once: its name, its shader, its constants, its parameters and its buffers.
//!
//! `kernel!` makes of one declaration all that others need to know of a kernel: the list of bindings, the block of
//! parameters, the views that the twin takes, the arguments of a run, and what the check of the shader compares.

mod buffer;
mod case;
mod declare;
mod params;
mod part;
mod view;

pub use buffer::{Access, Arguments, Binding, BufferId, Content, Element, Id, Ints, Reals, Words};
pub use case::{Case, CaseBuffer};
pub(in crate::kernel) use declare::{element, kernel};
pub use params::Params;
pub(in crate::kernel) use params::params;
pub use part::{Constant, Part};
pub use view::View;

/// The declaration of a kernel, made by `kernel!`.
pub trait Signature: Sized + 'static {
    /// The stem: shader file, entry point, Rust module, label, timing row.
    const NAME: &'static str;
    /// The shader in its parts, the shared ones included, in the order in which they are joined.
    const PARTS: &'static [Part];
    /// The storage buffers, at bindings 1, 2, .. in this order; the parameters are at binding 0.
    const BUFFERS: &'static [Binding];
    /// The parameters.
    type Params: Params;
    /// A buffer of a plan for each binding, by name.
    type Buffers: Arguments<Kernel = Self>;
    /// What the twin sees of each binding, by name: the part of one member, or the whole where all members share it.
    type Views<'a, T: 'a>;

    /// The views in the order of the bindings, by name.
    fn views<'a, T>(views: &'a mut [View<'_, T>]) -> Self::Views<'a, T>;
}
