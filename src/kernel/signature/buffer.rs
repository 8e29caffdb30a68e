//! Buffers as kernels name them.

use super::Signature;

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
    Number,
    /// The same, read four at a time: `vec4<f32>`.
    Vec4,
    /// The same, read as its bits, `u32`: the only form in which WGSL has to let NaN be seen.
    Bits,
    /// `u32`.
    Word,
    /// `i32`.
    Int,
}

impl Element {
    /// What a buffer of such elements stores.
    pub fn content(self) -> Content {
        match self {
            Element::Number | Element::Vec4 | Element::Bits => Content::Real,
            Element::Word => Content::Word,
            Element::Int => Content::Int,
        }
    }
}

/// What a buffer stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// f32, or f64 on the reference.
    Real,
    /// u32.
    Word,
    /// i32.
    Int,
}

/// One buffer of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Its name in the shader.
    pub name: &'static str,
    /// How it is used.
    pub access: Access,
    /// What it holds.
    pub element: Element,
}

/// A buffer of a plan: its place among all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub usize);

/// A buffer of a plan whose content is known to the compiler: [`Reals`], [`Words`] or [`Ints`].
pub trait Id: Copy + Into<BufferId> + From<BufferId> {
    /// What the buffer stores.
    const CONTENT: Content;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident : $content:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(BufferId);

        impl Id for $name {
            const CONTENT: Content = Content::$content;
        }

        impl From<$name> for BufferId {
            fn from(id: $name) -> BufferId {
                id.0
            }
        }

        impl From<BufferId> for $name {
            fn from(id: BufferId) -> $name {
                $name(id)
            }
        }
    )+};
}

ids! {
    /// A buffer of numbers.
    Reals: Real,
    /// A buffer of u32.
    Words: Word,
    /// A buffer of i32.
    Ints: Int,
}

/// The buffers of one run of a kernel, by name.
pub trait Arguments {
    /// The kernel whose buffers they are.
    type Kernel: Signature<Buffers = Self>;

    /// The buffers in the order of the kernel's bindings.
    fn ids(&self) -> Vec<BufferId>;
}
