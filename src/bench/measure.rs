//! Repetitions of a job on every device, in turns, and the smallest batch at which a GPU is as fast as the host.
//!
//! A card takes no turns. While others work its clock falls, on an H100 from 1,980 to 345 MHz, and a tenth of a second
//! of work does not bring it back: in turns it seemed a sixth as fast as it is. It is kept busy until it is awake, and
//! then makes its repetitions one behind the other.

use super::job::{Job, Sample};
use super::label;
use super::watch::Watch;
use crate::device::Device;
use crate::device::profile::Profile;
use crate::error::Result;
use std::time::Instant;

/// What a job took on one device.
#[derive(Default)]
pub struct Measured {
    /// Its repetitions; none if the device cannot do it, or was not asked before the bench was stopped.
    pub samples: Vec<Sample>,
    /// Where the time of one more repetition of a workload went.
    pub profile: Option<Profile>,
}

/// How often a job is repeated.
struct Patience {
    /// At least so many samples, unless a few of them take many times as long as they should.
    least: usize,
    /// At most so many.
    most: usize,
    /// Seconds for all devices together, after which `least` is enough.
    seconds: f64,
}

/// Samples of a device that takes many times as long as it should.
const FEWEST: usize = 3;
/// So many times.
const MANY: f64 = 5.0;
/// Seconds of work after which a card runs at its own speed.
const WAKE: f64 = 0.3;

impl Patience {
    fn of(job: &Job, quick: bool) -> Self {
        match (quick, job.kernel) {
            (true, _) => Patience { least: 3, most: 3, seconds: 0.3 },
            (false, Some(_)) => Patience { least: 5, most: 25, seconds: 0.2 },
            (false, None) => Patience { least: 5, most: 25, seconds: 1.0 },
        }
    }

    fn is_over(&self, samples: usize, seconds: f64) -> bool {
        let enough = if seconds > MANY * self.seconds { FEWEST } else { self.least };
        samples >= self.most || (samples >= enough && seconds > self.seconds)
    }
}

/// A job on every device that can do it, in the order of `devices`, until it is repeated often enough or `watch` stops.
pub(super) fn measure(job: &Job, devices: &[Device], quick: bool, watch: &mut Watch<'_>) -> Result<Vec<Measured>> {
    let mut measured: Vec<Measured> = devices.iter().map(|_| Measured::default()).collect();
    let able = || devices.iter().enumerate().filter(|(_, device)| job.runs_on(label(device)));
    for (_, device) in able() {
        if watch.goes_on() {
            job.warm_up(device)?;
        }
    }
    let patience = Patience::of(job, quick);
    let (cards, others): (Vec<usize>, Vec<usize>) = able().map(|(i, _)| i).partition(|&i| is_card(&devices[i]));
    for turns in cards.into_iter().map(|card| vec![card]).chain([others]) {
        take_turns(job, devices, &turns, &patience, &mut measured, watch)?;
    }
    Ok(measured)
}

/// Is it a GPU with a clock of its own?
fn is_card(device: &Device) -> bool {
    label(device) == "gpu"
}

/// Keeps a card busy with some work until it is awake.
pub(super) fn wake(device: &Device, watch: &mut Watch<'_>, work: impl Fn() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    while is_card(device) && start.elapsed().as_secs_f64() < WAKE && watch.goes_on() {
        work()?;
    }
    Ok(())
}

/// The repetitions on some of the devices, in turns, and where the time of one more goes.
fn take_turns(
    job: &Job,
    devices: &[Device],
    turns: &[usize],
    patience: &Patience,
    measured: &mut [Measured],
    watch: &mut Watch<'_>,
) -> Result<()> {
    for &i in turns {
        wake(&devices[i], watch, || job.samples(&devices[i], job.members).map(drop))?;
    }
    let start = Instant::now();
    while let Some(fewest) = turns.iter().map(|&i| measured[i].samples.len()).min()
        && !patience.is_over(fewest, start.elapsed().as_secs_f64())
        && !watch.is_stopped()
    {
        for &i in turns {
            if watch.goes_on() {
                measured[i].samples.extend(job.samples(&devices[i], job.members)?);
            }
        }
    }
    for &i in turns.iter().filter(|_| job.kernel.is_none()) {
        if watch.goes_on() {
            measured[i].profile = Some(job.profile(&devices[i])?);
        }
    }
    Ok(())
}

/// The smallest batch, a power of 4 or the job's own, at which the first device is at least as fast as the second one;
/// `seconds` are those of its own. None, too, if `watch` stops before it is found.
pub(super) fn break_even(
    job: &Job,
    devices: &[Device],
    seconds: [f64; 2],
    watch: &mut Watch<'_>,
) -> Result<Option<usize>> {
    let [first, second] = devices else { return Ok(None) };
    first_at_least_as_fast(job.members, seconds, |members| {
        let mut seconds = [[0.0; FEWEST]; 2];
        for (own, device) in seconds.iter_mut().zip([first, second]) {
            wake(device, watch, || job.samples(device, job.members).map(drop))?;
            for own in own {
                if !watch.goes_on() {
                    return Ok(None);
                }
                *own = median(job.samples(device, members)?.iter().map(|sample| sample.seconds));
            }
        }
        Ok(Some(seconds.map(|own| median(own.into_iter()))))
    })
}

/// The smallest of 1, 4, 16, .. and `most` at which the first of two times is not the longer one. Those at `most` are
/// known; the others are asked for until there is no answer.
fn first_at_least_as_fast(
    most: usize,
    at_most: [f64; 2],
    mut seconds: impl FnMut(usize) -> Result<Option<[f64; 2]>>,
) -> Result<Option<usize>> {
    let batches = std::iter::successors(Some(1), |members| Some(4 * members)).take_while(|&members| members < most);
    for members in batches {
        match seconds(members)? {
            Some([first, second]) if first <= second => return Ok(Some(members)),
            Some(_) => {}
            None => return Ok(None),
        }
    }
    Ok((at_most[0] <= at_most[1]).then_some(most))
}

/// The median of some values; NaN of none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(sorted.len().saturating_sub(1) / 2), at(sorted.len() / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device with a start-up of 10 that does 4 members in the time in which the other one does 1.
    fn seconds(members: usize) -> [f64; 2] {
        [10.0 + members as f64 / 4.0, members as f64]
    }

    #[test]
    fn the_break_even_batch_is_the_first_of_its_series() {
        let mut asked = Vec::new();
        let mut found = |most: usize| {
            let ask = |members| {
                asked.push(members);
                Ok(Some(seconds(members)))
            };
            first_at_least_as_fast(most, seconds(most), ask).expect("no device fails")
        };
        assert_eq!(found(100), Some(16));
        assert_eq!(found(14), Some(14));
        assert_eq!(found(13), None);
        assert_eq!(asked, [1, 4, 16, 1, 4, 1, 4], "the row's own times are known");
    }

    #[test]
    fn no_break_even_batch_is_claimed_when_the_bench_is_stopped() {
        let answer = |members| Ok((members < 4).then(|| seconds(members)));
        assert_eq!(first_at_least_as_fast(100, [1.0, 2.0], answer).expect("no device fails"), None);
    }

    #[test]
    fn repetitions_are_enough_by_number_or_by_time() {
        let patience = Patience { least: 5, most: 25, seconds: 0.2 };
        assert!(!patience.is_over(4, 0.3) && patience.is_over(5, 0.3), "the least, when time is up");
        assert!(!patience.is_over(24, 0.1) && patience.is_over(25, 0.1), "the most, when it is not");
        assert!(!patience.is_over(2, 1.1) && patience.is_over(3, 1.1), "a few of what takes very long");
    }
}
