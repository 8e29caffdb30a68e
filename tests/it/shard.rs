//! Shards: what they are called, and that they are all of a sweep and nothing twice.

use eulerscope::spec::{MOST_SHARDS, Shard};
use proptest::prelude::*;

#[test]
fn shards_count_from_one_in_text() {
    assert_eq!(Shard::parse("1/8").expect("the first"), Shard { index: 0, count: 8 });
    assert_eq!(Shard::parse(" 8/8 ").expect("the last"), Shard { index: 7, count: 8 });
    for text in ["1/1", "3/8", "1000000/1000000"] {
        assert_eq!(Shard::parse(text).expect(text).to_string(), text);
    }
}

#[test]
fn what_is_no_shard_is_refused_with_what_to_write() {
    for (text, parts) in [
        ("0/8", &["counts from 0", "counts from 1", "write 1/8 for the first, 8/8"][..]),
        ("9/8", &["9/8 is beyond the last", "8/8"]),
        ("1/0", &["write 1/1"]),
        ("0/0", &["write 1/1"]),
        ("1/1000001", &["1000001 shards", "fewer"]),
        ("x", &["`x`", "write K/N"]),
        ("", &["write K/N"]),
        ("1", &["write K/N"]),
        ("1/", &["write K/N"]),
        ("/8", &["write K/N"]),
        ("-1/8", &["write K/N"]),
        ("+1/8", &["write K/N"]),
        ("1/8/2", &["write K/N"]),
        ("1.5/8", &["write K/N"]),
        ("1/99999999999999999999999", &["write K/N"]),
    ] {
        let said = Shard::parse(text).expect_err(text);
        assert_eq!(said.exit_code(), 4, "{text}");
        let said = said.to_string();
        assert!(said.lines().count() == 1 && parts.iter().all(|part| said.contains(part)), "{text}: {said}");
    }
}

/// The shard of each unit, found by asking every shard.
fn owners(units: usize, count: usize) -> Vec<usize> {
    let mut owners = vec![usize::MAX; units];
    for index in 0..count {
        for unit in (Shard { index, count }).units(units) {
            assert_eq!(owners[unit], usize::MAX, "unit {unit} of {units} is of two of {count} shards");
            owners[unit] = index;
        }
    }
    owners
}

proptest! {
    #[test]
    fn shards_tile_all_units_in_order_and_evenly(units in 0_usize..300, count in 1_usize..40) {
        let owners = owners(units, count);
        prop_assert!(owners.is_sorted() && owners.iter().all(|owner| *owner < count));
        let sizes: Vec<_> = (0..count).map(|k| owners.iter().filter(|owner| **owner == k).count()).collect();
        let (least, most) = (sizes.iter().min().copied(), sizes.iter().max().copied());
        prop_assert!(most <= least.map(|least| least + 1), "{sizes:?}");
    }
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let last = Shard { index: MOST_SHARDS - 1, count: MOST_SHARDS };
    let first = Shard { index: 0, count: MOST_SHARDS };
    assert_eq!(first.units(usize::MAX).start, 0);
    assert_eq!(last.units(usize::MAX).end, usize::MAX);
    assert_eq!(last.units(3), 2..3);
    assert_eq!(first.units(3), 0..0);
}
