//! What the recorded members of a sweep do along the depth, as quantiles over them: the rows of a table of trajectories
//! become those of one that is small enough for a page.

use super::encode::numbers;
use crate::figure::evenly;
use crate::numbers::statistics::Summary;
use crate::results::dataset::Column;
use std::collections::HashMap;

/// Steps that are kept at most, and numbers in all.
const MOST_STEPS: usize = 41;
const MOST_NUMBERS: usize = 400_000;
/// Steps that are kept however many grid points there are.
const FEWEST_STEPS: usize = 9;

/// Grid points at most: more have no room for the fewest steps of one quantity.
pub const MOST_POINTS: usize = MOST_NUMBERS / (FEWEST_STEPS * PARTS.len());

/// The columns that a quantity becomes.
const PARTS: [&str; 3] = ["q10", "median", "q90"];

/// A table by its columns.
type Columns = [(String, Column)];

/// What a quantity is when a member has none: the frozen have grown beyond all bounds, the collapsed shrunk.
#[derive(Clone, Copy)]
enum Missing {
    Grown,
    Collapsed,
    LeftOut,
}

/// A quantity of the table, and the one of the page that it becomes.
struct Quantity {
    column: &'static str,
    name: &'static str,
    missing: Missing,
    text: &'static str,
}

const QUANTITIES: [Quantity; 8] = [
    Quantity { column: "log_growth", name: "growth", missing: Missing::Collapsed, text: "ln ‖x_k‖/‖x_0‖" },
    Quantity { column: "norm", name: "growth", missing: Missing::Grown, text: "ln ‖x_k‖/‖x_0‖" },
    Quantity {
        column: "log_perturbation_growth",
        name: "perturbation",
        missing: Missing::Grown,
        text: "ln ‖d_k‖/‖d_0‖ of a tangent d",
    },
    Quantity {
        column: "cosine",
        name: "cosine",
        missing: Missing::LeftOut,
        text: "cosine of the angle between x_k and x_0",
    },
    Quantity {
        column: "token_similarity",
        name: "token_similarity",
        missing: Missing::LeftOut,
        text: "mean cosine of two tokens",
    },
    Quantity {
        column: "attention_entropy",
        name: "attention_entropy",
        missing: Missing::LeftOut,
        text: "mean entropy of the attention's rows",
    },
    Quantity { column: "effective_step", name: "effective_step", missing: Missing::LeftOut, text: "‖h f‖/‖x‖" },
    Quantity {
        column: "effective_damping",
        name: "effective_damping",
        missing: Missing::LeftOut,
        text: "1 − ‖x_{k−1}‖/‖x_k‖",
    },
];

/// The table of the page: the keys of a grid point, a step, and `NAME_q10`, `NAME_median`, `NAME_q90` of each quantity, in
/// single precision. None where nothing was recorded.
pub fn of(trajectories: &Columns) -> Option<Vec<(String, Column)>> {
    let of = |name: &str| trajectories.iter().find(|(own, _)| own == name).map(|(_, column)| numbers(column));
    let (member, step) = (of("member")?, of("step")?);
    let quantities: Vec<(&Quantity, Vec<f64>)> =
        QUANTITIES.iter().filter_map(|own| Some((own, of(own.column)?))).collect();
    let is_key =
        |name: &str| !["member", "step"].contains(&name) && QUANTITIES.iter().all(|quantity| quantity.column != name);
    let keys: Vec<(String, Vec<f64>)> =
        trajectories.iter().filter(|(name, _)| is_key(name)).map(|(name, own)| (name.clone(), numbers(own))).collect();
    let points = Points::of(&keys, member.len());
    let depth = step.iter().copied().fold(0.0, f64::max) as usize;
    let members = member.iter().copied().fold(0.0, f64::max) as usize + 1;
    let kept = kept(depth, points.first.len(), 3 * quantities.len());
    let places: HashMap<usize, usize> = kept.iter().enumerate().map(|(place, &step)| (step, place)).collect();
    let slot = |row: usize| {
        let place = places.get(&(step[row] as usize))?;
        Some((points.of_row[row] * kept.len() + place) * members + member[row] as usize)
    };
    let slots: Vec<Option<usize>> = (0..member.len()).map(slot).collect();
    let rows = points.first.len() * kept.len();
    // Where depths differ some steps are of no row at all.
    let mut is_there = vec![false; rows];
    slots.iter().flatten().for_each(|slot| is_there[slot / members] = true);
    let there: Vec<usize> = (0..rows).filter(|&row| is_there[row]).collect();
    let key = |(name, values): (String, Vec<f64>)| {
        let column = there.iter().map(|row| values[points.first[row / kept.len()]]).collect();
        (name, Column::F64(column))
    };
    let mut table: Vec<(String, Column)> = keys.into_iter().map(key).collect();
    table.push(("step".to_string(), Column::F64(there.iter().map(|row| kept[row % kept.len()] as f64).collect())));
    for (quantity, values) in quantities {
        let values = relative(quantity, values, &slots, members, kept.len());
        let mut sample = vec![f64::NAN; rows * members];
        slots.iter().zip(&values).for_each(|(slot, &value)| slot.iter().for_each(|&slot| sample[slot] = value));
        let summaries: Vec<Summary> =
            there.iter().map(|row| summary(&sample[row * members..(row + 1) * members], quantity.missing)).collect();
        for part in PARTS {
            let column = Column::OptionalF64(summaries.iter().map(|own| short(own, part)).collect());
            table.push((format!("{}_{part}", quantity.name), column));
        }
    }
    Some(table)
}

/// What a row is.
pub const ROW: &str = "one row for each grid point and step of a sweep, over the recorded members";

/// What a column is, if it is of a quantity.
pub fn describe(column: &str) -> Option<String> {
    let (name, part) = column.rsplit_once('_')?;
    let quantity = QUANTITIES.iter().find(|quantity| quantity.name == name)?;
    let part = match part {
        "q10" => "10 % quantile",
        "q90" => "90 % quantile",
        _ => "median",
    };
    Some(format!("{}: {part}", quantity.text))
}

/// The grid points of a table: that of each row, and the first row of each.
struct Points {
    of_row: Vec<usize>,
    first: Vec<usize>,
}

impl Points {
    fn of(keys: &[(String, Vec<f64>)], rows: usize) -> Self {
        let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut points = Points { of_row: Vec::with_capacity(rows), first: Vec::new() };
        for row in 0..rows {
            let own = keys.iter().map(|(_, values)| values[row].to_bits()).collect();
            let next = points.first.len();
            let point = *known.entry(own).or_insert(next);
            if point == next {
                points.first.push(row);
            }
            points.of_row.push(point);
        }
        points
    }
}

/// The steps that are kept, 0 and the last among them.
fn kept(depth: usize, points: usize, columns: usize) -> Vec<usize> {
    let room = MOST_NUMBERS / (points * columns).max(1);
    evenly(depth + 1, room.clamp(FEWEST_STEPS, MOST_STEPS))
}

/// Norms become ln ‖x_k‖/‖x_0‖ of their member; other quantities stay what they are.
fn relative(quantity: &Quantity, values: Vec<f64>, slots: &[Option<usize>], members: usize, steps: usize) -> Vec<f64> {
    if quantity.column != "norm" {
        return values;
    }
    let start = |slot: usize| (slot / (members * steps), slot % members);
    let is_start = |slot: usize| (slot / members).is_multiple_of(steps);
    let of = slots
        .iter()
        .zip(&values)
        .filter_map(|(slot, &value)| slot.filter(|&own| is_start(own)).map(|own| (start(own), value)));
    let starts: HashMap<(usize, usize), f64> = of.collect();
    let ratio = |(slot, value): (&Option<usize>, &f64)| {
        slot.and_then(|slot| starts.get(&start(slot))).map_or(f64::NAN, |start| (value / start).ln())
    };
    slots.iter().zip(&values).map(ratio).collect()
}

/// A quantile in single precision, which is what there is room for.
fn short(summary: &Summary, part: &str) -> Option<f64> {
    let value = match part {
        "q10" => summary.q10,
        "q90" => summary.q90,
        _ => summary.median,
    };
    value.get().map(|value| f64::from(value as f32)).filter(|value| value.is_finite())
}

fn summary(sample: &[f64], missing: Missing) -> Summary {
    let known = sample.iter().filter_map(|&value| match missing {
        _ if !value.is_nan() => Some(value),
        Missing::Grown => Some(f64::INFINITY),
        Missing::Collapsed => Some(f64::NEG_INFINITY),
        Missing::LeftOut => None,
    });
    Summary::of(&known.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::{Column, kept, of};

    /// Member m grows by e^((m + 1) k) at the first point; at the second the last member is frozen at once.
    #[test]
    fn quantiles_are_over_the_members_of_a_point_and_a_step() {
        let (mut member, mut step, mut size, mut norm) = (vec![], vec![], vec![], vec![]);
        for m in 0..11_u32 {
            for k in 0..3_u32 {
                for h in [0.5, 1.0] {
                    member.push(m);
                    step.push(k);
                    size.push(h);
                    let frozen = h == 1.0 && m == 10 && k > 0;
                    norm.push((!frozen).then(|| 3.0 * f64::from((m + 1) * k).exp()));
                }
            }
        }
        let named = |name: &str, column| (name.to_string(), column);
        let table = of(&[
            named("member", Column::U32(member)),
            named("step", Column::U32(step)),
            named("step_size", Column::F64(size)),
            named("norm", Column::OptionalF64(norm)),
        ]);
        let table = table.expect("a table");
        let names: Vec<&str> = table.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["step_size", "step", "growth_q10", "growth_median", "growth_q90"]);
        assert_eq!(table[0].1, Column::F64(vec![0.5, 0.5, 0.5, 1.0, 1.0, 1.0]));
        let Column::OptionalF64(low) = &table[2].1 else { panic!("numbers") };
        let near = |value: Option<f64>, wanted: f64| assert!((value.expect("known") - wanted).abs() <= 1e-5 * wanted);
        near(low[2], 4.0);
        near(low[5], 4.0);
        let Column::OptionalF64(high) = &table[4].1 else { panic!("numbers") };
        near(high[2], 20.0);
        near(high[5], 20.0);
        let Column::OptionalF64(middle) = &table[3].1 else { panic!("numbers") };
        near(middle[5], 12.0);
    }

    #[test]
    fn columns_are_described() {
        assert_eq!(super::describe("growth_q10").as_deref(), Some("ln ‖x_k‖/‖x_0‖: 10 % quantile"));
        assert_eq!(super::describe("step_size"), None);
    }

    #[test]
    fn steps_are_thinned_before_the_page_grows() {
        assert_eq!(kept(20, 10, 3).len(), 21);
        assert_eq!(kept(80, 2048, 3).len(), 41);
        assert_eq!(kept(1000, 2048, 21).len(), 9);
        assert_eq!(kept(1000, 2048, 21).last(), Some(&1000));
    }
}
