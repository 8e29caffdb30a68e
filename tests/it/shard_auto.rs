//! `--shard auto`: what schedulers set, which shard that is, and what is refused.

use crate::cli_bad_input::{eulerscope, refusal};
use eulerscope::cli::{self, Request};
use eulerscope::jobs::environment::{Found, shard};
use std::ffi::OsString;

/// What a variable of an environment such as `A=1 B=2` is.
fn find(environment: &str, count: Option<usize>, offset: usize) -> Result<Found, eulerscope::error::Error> {
    let variables: Vec<(&str, &str)> = environment.split(' ').filter_map(|pair| pair.split_once('=')).collect();
    let value = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
    shard(count, offset, &value)
}

/// As Slurm 22.05 set it for one task of `--array=MIN-MAX:STEP`.
fn array(task: usize, min: usize, max: usize, count: usize, step: usize) -> String {
    format!(
        "SLURM_ARRAY_TASK_ID={task} SLURM_ARRAY_TASK_MIN={min} SLURM_ARRAY_TASK_MAX={max} SLURM_ARRAY_TASK_COUNT={count} \
         SLURM_ARRAY_TASK_STEP={step} SLURM_PROCID=0"
    )
}

const STEP: &str = "SLURM_STEP_ID=0 SLURM_PROCID=3 SLURM_NTASKS=8";
const OPEN_MPI: &str = "OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=4";

#[test]
fn every_scheduler_is_understood_in_its_own_base() {
    for (environment, count, offset, expected) in [
        (array(0, 0, 7, 8, 1), None, 0, "1/8"),
        (array(7, 0, 7, 8, 1), None, 0, "8/8"),
        (array(1, 1, 8, 8, 1), None, 0, "1/8"),
        (array(14, 10, 16, 4, 2), None, 0, "3/4"),
        (array(5, 5, 5, 1, 1), None, 0, "1/1"),
        // With a count an index is the number of a shard, in any subset of an array.
        (array(3, 3, 9, 4, 1), Some(8), 0, "3/8"),
        (array(1, 1, 1000, 1000, 1), Some(4000), 1000, "1001/4000"),
        (array(1000, 1, 1000, 1000, 1), Some(4000), 3000, "4000/4000"),
        (array(0, 0, 7, 8, 1), Some(8), 1, "1/8"),
        ("JOB_COMPLETION_INDEX=0".to_string(), Some(5), 0, "1/5"),
        ("JOB_COMPLETION_INDEX=4".to_string(), Some(5), 0, "5/5"),
        (OPEN_MPI.to_string(), None, 0, "1/4"),
        ("PMI_RANK=3 PMI_SIZE=4".to_string(), None, 0, "4/4"),
        (STEP.to_string(), None, 0, "4/8"),
        (STEP.to_string(), Some(16), 8, "12/16"),
        // Two launchers that agree; daemons of mpirun that srun started; an array whose tasks are launched by srun.
        ("PMI_RANK=3 PMI_SIZE=8 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=8".to_string(), None, 0, "4/8"),
        (format!("{STEP} {OPEN_MPI}"), None, 0, "1/4"),
        (format!("{} SLURM_STEP_ID=0 SLURM_NTASKS=1", array(2, 1, 8, 8, 1)), None, 0, "2/8"),
        (format!("{} SLURM_STEP_ID=0 SLURM_NTASKS=1", array(2, 1, 8, 8, 1)), Some(9), 0, "2/9"),
        // A batch script that asks for several tasks runs once.
        (format!("{} SLURM_NTASKS=4", array(2, 1, 8, 8, 1)), None, 0, "2/8"),
    ] {
        let found = find(&environment, count, offset).unwrap_or_else(|error| panic!("{environment}: {error}"));
        assert_eq!(found.shard.to_string(), expected, "{environment}");
        let first = found.read.split(' ').next().expect("a word");
        assert!(environment.contains(first), "{environment}: {}", found.read);
    }
}

#[test]
fn what_does_not_tell_a_shard_is_refused_in_one_line() {
    let gaps = array(3, 3, 9, 4, 1);
    let both = format!("{} {OPEN_MPI}", array(3, 1, 8, 8, 1));
    for (environment, count, offset, code, said) in [
        ("", None, 0, 4, "none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX"),
        ("SLURM_PROCID=0 SLURM_NTASKS=4", None, 0, 4, "none of"),
        ("PMI_RANK=0", None, 0, 4, "none of"),
        ("JOB_COMPLETION_INDEX=0", None, 0, 4, "auto/N with the completions"),
        ("SLURM_ARRAY_TASK_ID=1", None, 0, 4, "SLURM_ARRAY_TASK_MIN is not"),
        (&gaps, None, 0, 4, "gaps"),
        (
            &both,
            None,
            0,
            4,
            "SLURM_ARRAY_TASK_ID=3 in 1-8 and OMPI_COMM_WORLD_RANK=0 of OMPI_COMM_WORLD_SIZE=4 say different",
        ),
        (&both, Some(8), 0, 4, "different things"),
        (&array(3, 1, 8, 8, 1), None, 8, 2, "auto/N"),
        (&array(0, 0, 7, 8, 1), Some(8), 0, 4, "--shard-offset 1"),
        (&array(8, 1, 8, 8, 1), Some(8), 1, 4, "plus the offset 1 is shard 9 of 8"),
        ("JOB_COMPLETION_INDEX=5", Some(5), 0, 4, "shard 6 of 5"),
        ("JOB_COMPLETION_INDEX=-1", Some(5), 0, 4, "JOB_COMPLETION_INDEX=`-1` is not a whole number"),
        ("OMPI_COMM_WORLD_RANK=4 OMPI_COMM_WORLD_SIZE=4", None, 0, 4, "shard 5 of 4"),
        ("OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=x", None, 0, 4, "OMPI_COMM_WORLD_SIZE=`x`"),
        ("JOB_COMPLETION_INDEX=18446744073709551615", Some(5), usize::MAX, 4, "of 5"),
    ] {
        let error = find(environment, count, offset).expect_err(environment);
        assert_eq!(error.exit_code(), code, "{environment}: {error}");
        let line = error.to_string();
        assert!(line.contains(said) && line.lines().count() == 1, "{environment}: {line}");
    }
}

#[test]
fn the_command_line_takes_a_shard() {
    let understood = |line: &str| {
        let arguments = format!("eulerscope {line}");
        match cli::understand(arguments.split(' ').map(OsString::from)).expect(line) {
            Request::Run(invocation) => invocation.shard.map(|shard| shard.to_string()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(understood("sweep --out results"), None);
    assert_eq!(understood("sweep --out results --shard 3/8").as_deref(), Some("3/8"));
}

#[test]
fn bad_shards_are_refused_in_one_line() {
    for (line, code, said) in [
        ("sweep --shard 0/8 --out x", 4, "write 1/8 for the first, 8/8"),
        ("sweep --shard 9/8 --out x", 4, "beyond the last"),
        ("sweep --shard 1/0 --out x", 4, "no shards"),
        ("sweep --shard x --out x", 4, "auto/N"),
        ("sweep --shard auto/0 --out x", 4, "auto/8"),
        ("sweep --shard auto/x --out x", 4, "auto/8"),
        ("sweep --shard auto/2000000 --out x", 4, "fewer"),
        ("sweep --shard auto --out x", 4, "no scheduler"),
        ("sweep --shard 1/8", 2, "--out DIR"),
        ("sweep --shard 1/8 --out x --plan", 2, "whole sweep"),
        ("sweep --shard 1/8 --shard-offset 1 --out x", 2, "--shard auto/N"),
        ("sweep --shard auto --shard-offset 1 --out x", 2, "auto/N"),
        ("sweep --shard-offset 1 --out x", 2, "--shard"),
        ("sweep --shard 1/8 --checkpoint x --prompt a --out x", 2, "--checkpoint"),
        ("spectrum --shard 1/8", 2, "--shard"),
    ] {
        let mut command = eulerscope();
        for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_STEP_ID"]
        {
            command.env_remove(name);
        }
        command.args(line.split(' '));
        let refused = refusal(command, code);
        assert!(refused.contains(said), "{line}: {refused}");
    }
}
