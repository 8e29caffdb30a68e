//! Fewer points of a grid, evenly along each of its axes.

use crate::spec::SweepSpec;

/// Indices into the dampings, radii and step sizes of a sweep that make at most `most` points; the ends of an axis stay
/// while it has two points.
pub fn axes(spec: &SweepSpec, most: usize) -> [Vec<usize>; 3] {
    let lengths = [spec.damping.len(), spec.radius.len(), spec.step_size.len()];
    let mut counts = lengths;
    while counts.iter().product::<usize>() > most.max(1) {
        let longest = (0..3).max_by_key(|&axis| counts[axis]).unwrap_or(0);
        counts[longest] -= 1;
    }
    let index = |i: usize, count: usize, length: usize| match count {
        1 => length / 2,
        count => i * (length - 1) / (count - 1),
    };
    [0, 1, 2].map(|axis| (0..counts[axis]).map(|i| index(i, counts[axis], lengths[axis])).collect())
}

/// The places of those points in the list of all points: damping outermost, then radius, then step size.
pub fn places(spec: &SweepSpec, most: usize) -> Vec<usize> {
    let [dampings, radii, steps] = axes(spec, most);
    let place = |d: usize, r: usize, s: usize| (d * spec.radius.len() + r) * spec.step_size.len() + s;
    let of_radius = |d: usize, r: usize| steps.iter().map(move |&s| place(d, r, s)).collect::<Vec<_>>();
    dampings.iter().flat_map(|&d| radii.iter().flat_map(|&r| of_radius(d, r)).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::{axes, places};
    use crate::spec::{Grid, SweepSpec};

    #[test]
    fn a_thinned_grid_keeps_its_ends() {
        let spec = SweepSpec { damping: Grid::single(0.1), ..SweepSpec::default() };
        assert_eq!(places(&spec, 1024), (0..1024).collect::<Vec<_>>());
        let [dampings, radii, steps] = axes(&spec, 9);
        assert_eq!((dampings, radii, steps), (vec![0], vec![0, 15, 31], vec![0, 15, 31]));
        assert_eq!(places(&spec, 1), [16 * 32 + 16]);
        assert_eq!(places(&spec, 0).len(), 1);
    }
}
