//! Results on disk and as pictures: the folder of a run, its tables and its figures.

mod along_depth;
pub mod content;
pub mod curves;
pub mod dataset;
pub mod essay;
pub mod maps;
pub mod parts;
pub mod pictures;
mod remedies;
pub mod scaling;
pub mod spectrum;
mod step_spectrum;
pub mod sweep;
pub mod tables;
pub mod timing;
pub mod trained;
