//! `eulerscope kubernetes`: a sweep as the manifest of a Job.

use super::Invocation;
use super::console::Console;
use crate::error::Result;
use crate::jobs::kubernetes::Request;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, request: &Request) -> Result<()> {
    console.show_whole(&request.manifest(&invocation.device))
}
