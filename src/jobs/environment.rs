//! `--shard auto`: which shard this process is, by what its scheduler tells it in environment variables.

use crate::error::{Error, Result};
use crate::invalid;
use crate::spec::Shard;
use crate::spec::grid::shown;

/// A variable of the environment by its name.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The shard of this process, and what that was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The shard.
    pub shard: Shard,
    /// The variables and their values, for people.
    pub read: String,
}

/// What one scheduler says of this process.
struct Place {
    /// The variables and their values.
    read: String,
    /// Which process, from 1.
    number: usize,
    /// Of how many; none if the scheduler does not tell.
    count: Option<usize>,
    /// A rank among processes that were started together, one of which may be started for another reason than to share work.
    is_rank: bool,
}

/// Reads `auto` (`count` is none: the scheduler tells how many shards there are) or `auto/N` (`count` is N, and array indices
/// are numbers of shards, from 1). `offset` is added to the number of the shard, for arrays that had to be split.
///
/// # Errors
/// [`Error::Usage`] for an offset without a count; [`Error::Invalid`] if no scheduler says which shard this is, if several say
/// different things, or if what is said is no shard.
pub fn shard(count: Option<usize>, offset: usize, variables: Variables) -> Result<Found> {
    if offset > 0 && count.is_none() {
        return Err(Error::Usage(format!(
            "--shard-offset {offset} counts on from another array, so how many shards there are in all is to be given; write \
             --shard auto/N"
        )));
    }
    let place = agreed(places(count.is_some(), variables)?)?;
    let Some(count) = count.or(place.count) else {
        return invalid!(
            "shard: {} says which pod this is and not of how many; write --shard auto/N with the completions of the Job",
            place.read
        );
    };
    let number = place.number.saturating_add(offset);
    let plus = if offset > 0 { format!(" plus the offset {offset}") } else { String::new() };
    if number == 0 {
        return invalid!(
            "shard: {} is shard 0, and shards count from 1; submit the array as 1-{count}, or add --shard-offset 1",
            place.read
        );
    }
    if number > count {
        return invalid!(
            "shard: {}{plus} is shard {number} of {count}; give N as many shards as all tasks together are, or fewer tasks",
            place.read
        );
    }
    Ok(Found { shard: Shard::new(number, count)?, read: format!("{}{plus}", place.read) })
}

/// All that is said, each as numbers from 1.
fn places(counted: bool, variables: Variables) -> Result<Vec<Place>> {
    let ranks = [
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
        ("PMI_RANK", "PMI_SIZE"),
        // The daemons of mpirun are tasks of srun themselves, and ranks inherit their variables: srun is asked last.
        ("SLURM_PROCID", "SLURM_NTASKS"),
    ];
    let mut places: Vec<_> = [array(counted, variables)?, completion(variables)?].into_iter().flatten().collect();
    let mut launched = false;
    for (rank, size) in ranks {
        // A batch script has a SLURM_PROCID too, and runs once whatever SLURM_NTASKS says; only a step's tasks are several.
        if rank == "SLURM_PROCID" && (launched || variables("SLURM_STEP_ID").is_none()) {
            continue;
        }
        if let Some(place) = self::rank(rank, size, variables)? {
            places.push(place);
            launched = true;
        }
    }
    Ok(places)
}

/// A task of a Slurm array. With a given count the index is the number of the shard, so that any subset of an array can be
/// submitted again; without one the array is all shards, whatever its first index and its step.
fn array(counted: bool, variables: Variables) -> Result<Option<Place>> {
    const NAME: &str = "SLURM_ARRAY_TASK_ID";
    let Some(task) = whole(NAME, variables)? else { return Ok(None) };
    if counted {
        return Ok(Some(Place { read: format!("{NAME}={task}"), number: task, count: None, is_rank: false }));
    }
    let told = |part: &str, usual: Option<usize>| {
        let name = format!("SLURM_ARRAY_TASK_{part}");
        whole(&name, variables)?.or(usual).map_or_else(
            || {
                invalid!(
                    "shard: {NAME} is set and {name} is not; write --shard auto/N, where array indices count from 1"
                )
            },
            Ok,
        )
    };
    let (first, last, count, step) =
        (told("MIN", None)?, told("MAX", None)?, told("COUNT", None)?, told("STEP", Some(1))?);
    let read = format!("{NAME}={task} in {first}-{last}");
    let step = step.max(1);
    let is_whole = first <= task && task <= last && (task - first) % step == 0 && (last - first) / step + 1 == count;
    match is_whole {
        true => Ok(Some(Place { read, number: (task - first) / step + 1, count: Some(count), is_rank: false })),
        false => invalid!(
            "shard: {read} of {count} tasks is an array with gaps, so it is not all shards; write --shard auto/N, where array \
             indices are numbers of shards"
        ),
    }
}

/// A pod of an indexed Kubernetes Job, which is not told how many there are.
fn completion(variables: Variables) -> Result<Option<Place>> {
    const NAME: &str = "JOB_COMPLETION_INDEX";
    let place = |index: usize| Place {
        read: format!("{NAME}={index}"),
        number: index.saturating_add(1),
        count: None,
        is_rank: false,
    };
    Ok(whole(NAME, variables)?.map(place))
}

/// A rank of MPI, or a task of srun.
fn rank(name: &str, size: &str, variables: Variables) -> Result<Option<Place>> {
    let (Some(rank), Some(count)) = (whole(name, variables)?, whole(size, variables)?) else { return Ok(None) };
    let number = rank.saturating_add(1);
    Ok(Some(Place { read: format!("{name}={rank} of {size}={count}"), number, count: Some(count), is_rank: true }))
}

/// The one place that all agree on. A rank that is alone says nothing where something else does.
fn agreed(mut places: Vec<Place>) -> Result<Place> {
    let alone = |place: &Place| place.is_rank && place.count == Some(1);
    if places.iter().any(|place| !alone(place)) {
        places.retain(|place| !alone(place));
    }
    let Some(place) = places.pop() else {
        return invalid!(
            "shard: auto finds no scheduler: none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, OMPI_COMM_WORLD_RANK, PMI_RANK \
             and SLURM_PROCID (of srun) is set; write --shard K/N"
        );
    };
    let differs = |other: &&Place| {
        other.number != place.number || other.count.zip(place.count).is_some_and(|(other, own)| other != own)
    };
    match places.iter().find(differs) {
        None => Ok(place),
        Some(other) => invalid!(
            "shard: {} and {} say different things of this process; write --shard K/N, with K from the one that is meant",
            other.read,
            place.read
        ),
    }
}

/// A variable that holds a whole number, if it is set.
fn whole(name: &str, variables: Variables) -> Result<Option<usize>> {
    let Some(text) = variables(name) else { return Ok(None) };
    match text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten() {
        Some(number) => Ok(Some(number)),
        None => invalid!("shard: {name}=`{}` is not a whole number; unset it, or write --shard K/N", shown(&text)),
    }
}
