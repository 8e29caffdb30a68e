//! Settings in which every two levels of every two options meet.

use super::setting::Setting;
use std::collections::BTreeSet;

/// What a level does to a setting.
type Level = Box<dyn Fn(&mut Setting)>;

/// An option: what each of its levels does to a setting.
pub struct Factor {
    levels: Vec<Level>,
}

/// An option with these levels; its name is for the reader.
pub fn factor<T: Clone + 'static>(_name: &str, levels: &[T], set: fn(&mut Setting, T)) -> Factor {
    let level = |level: &T| -> Level {
        let level = level.clone();
        Box::new(move |setting| set(setting, level.clone()))
    };
    Factor { levels: levels.iter().map(level).collect() }
}

/// Which levels a setting has.
type Levels = Vec<usize>;

/// Settings in which all pairs of levels occur that occur together in any setting that is `allowed`.
///
/// Greedy: of some random candidates the one that has most of the pairs that are still missing is taken.
pub fn settings(base: &Setting, factors: &[Factor], allowed: impl Fn(&Setting) -> bool) -> Vec<Setting> {
    let of = |levels: &Levels| {
        let mut setting = base.clone();
        factors.iter().zip(levels).for_each(|(factor, &level)| (factor.levels[level])(&mut setting));
        setting
    };
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut missing, mut chosen) = (all_pairs(factors), Vec::new());
    let mut barren = 0;
    while !missing.is_empty() && barren < 40 {
        let mut best: (usize, Levels) = (0, vec![]);
        // A missing pair to begin with, so that rare ones are found.
        let wanted: Vec<_> = missing.iter().copied().collect();
        let [(f, a), (g, b)] = wanted[random(wanted.len())];
        for _ in 0..60 {
            let mut levels: Levels = factors.iter().map(|factor| random(factor.levels.len())).collect();
            (levels[f], levels[g]) = (a, b);
            let new = pairs(&levels).filter(|pair| missing.contains(pair)).count();
            if new > best.0 && allowed(&of(&levels)) {
                best = (new, levels);
            }
        }
        barren = if best.0 == 0 { barren + 1 } else { 0 };
        if best.0 == 0 {
            // Allowed in no candidate: most likely in none.
            missing.remove(&[(f, a), (g, b)]);
        } else {
            missing.retain(|pair| !pairs(&best.1).any(|met| met == *pair));
            chosen.push(of(&best.1));
        }
    }
    chosen
}

type Pair = [(usize, usize); 2];

fn pairs(levels: &Levels) -> impl Iterator<Item = Pair> + '_ {
    (0..levels.len()).flat_map(move |f| (0..f).map(move |g| [(f, levels[f]), (g, levels[g])]))
}

fn all_pairs(factors: &[Factor]) -> BTreeSet<Pair> {
    let mut all = BTreeSet::new();
    for f in 0..factors.len() {
        for g in 0..f {
            for a in 0..factors[f].levels.len() {
                all.extend((0..factors[g].levels.len()).map(|b| [(f, a), (g, b)]));
            }
        }
    }
    all
}
