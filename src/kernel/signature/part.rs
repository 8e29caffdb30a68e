//! A shader in parts.

/// A constant of a shader that Rust knows as well: its name, and its value, which f64 holds exactly or which is rounded
/// to the type that it has in the shader.
pub type Constant = (&'static str, f64);

/// A file of WGSL.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The stem of the file.
    pub stem: &'static str,
    /// Its text.
    pub source: &'static str,
    /// Those of its constants that have another half in Rust.
    pub constants: &'static [Constant],
}
