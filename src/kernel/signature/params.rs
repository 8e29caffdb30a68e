//! Parameters of kernels.

/// Parameters of a kernel: `u32`, `i32` and `f32` scalars in WGSL. An `f32` is f64 in Rust, for the twin in f64, and
/// rounded for the shader.
pub trait Params: Copy + Send + Sync + 'static {
    /// Names and WGSL types of the fields, in order.
    const FIELDS: &'static [(&'static str, &'static str)];

    /// The bytes of a uniform buffer that holds them.
    #[cfg(feature = "gpu")]
    fn to_bytes(&self) -> Vec<u8>;
}

/// Declares a block of parameters; [`kernel!`](super::kernel) does so for each kernel.
macro_rules! params {
    (@scalar f32) => { f64 };
    (@scalar $kind:ident) => { $kind };
    ($(#[$attribute:meta])* pub struct $name:ident { $($(#[$doc:meta])* $field:ident : $kind:ident,)+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name { $($(#[$doc])* pub $field: $crate::kernel::signature::params!(@scalar $kind),)+ }

        impl $crate::kernel::signature::Params for $name {
            const FIELDS: &'static [(&'static str, &'static str)] = &[$((stringify!($field), stringify!($kind)),)+];

            #[cfg(feature = "gpu")]
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
pub(in crate::kernel) use params;
