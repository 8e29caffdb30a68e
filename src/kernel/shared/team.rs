//! Teams: how workgroups share out the matrices of a batch, and where a matrix lives during a dispatch. The other half
//! of `team.wgsl`.

use crate::kernel::Machine;

/// How a workgroup shares out its matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Team {
    /// Invocations that work on one matrix. One alone needs no barriers.
    pub lanes: u32,
    /// Matrices of a workgroup.
    pub teams: u32,
}

impl Team {
    /// The teams for matrices of width n. Software drivers have subgroups of 8 and pay for each at a barrier.
    ///
    /// On lavapipe a matrix takes, with 1 invocation for each of 8 matrices against 8 for one, 11 against 17 us at n =
    /// 4, 37 against 40 at n = 8, 205 against 157 at n = 16; with 4 for each of 2: 16, 43, 183; with 8 for each of 4:
    /// 57, 83, 364.
    ///
    /// On an H100, Hessenberg reduction and Francis' sweeps, nanoseconds a matrix: at n = 16 (65,536 matrices) with 4, 8,
    /// 16, 32 invocations 53, 43, 47, 71; at n = 32 (32,768) with 8, 16, 32 invocations 558, 381, 307, and two such teams
    /// in a workgroup 355; at n = 64 (4,096) with 16, 32, 64 invocations 7.3, 4.4, 3.9 us; at n = 128 (512) with 32, 64,
    /// 128 invocations 77, 62, 56 us (1,024 from call to result with 16, 32, 64, 128 invocations: 126, 91, 73, 68 us). Up to n = 8 nothing was measured: the matrices of 32 teams of one fit the workgroup
    /// memory of any adapter.
    pub fn of(n: u32, machine: &Machine) -> Team {
        let (lanes, teams) = match (machine.is_software(), n) {
            (true, ..=8) => (1, 8),
            (true, ..=64) => (8, 1),
            (true, ..=128) => (16, 1),
            (true, _) => (64, 1),
            (false, ..=8) => (1, 32),
            (false, ..=16) => (8, 4),
            (false, ..=32) => (32, 1),
            (false, ..=64) => (64, 1),
            (false, _) => (128, 1),
        };
        Team { lanes, teams }
    }

    /// One matrix of width n for a workgroup, whatever the width.
    pub fn alone(n: u32, machine: &Machine) -> Team {
        Team::of(n.max(17), machine)
    }

    /// The `override` constants that say so.
    pub fn overrides(self) -> Vec<(&'static str, f64)> {
        vec![("LANES", self.lanes.into()), ("TEAMS", self.teams.into())]
    }

    /// Workgroups for so many matrices.
    pub fn grid(self, members: u32) -> [u32; 3] {
        [1, 1, members.div_ceil(self.teams)]
    }
}

/// Where a matrix lives during a dispatch, decided at once for all widths up to the next multiple of 4, or of 16 where
/// n is larger than that.
pub struct Residence {
    team: Team,
    local: bool,
    capacity: u32,
}

/// The width that kernels for width n are compiled for.
pub fn ceiling(n: u32) -> u32 {
    n.next_multiple_of(if n <= 16 { 4 } else { 16 })
}

impl Residence {
    /// Workgroup memory if `words(n)` and `more` words for each matrix fit the adapter, else storage.
    pub fn find(n: u32, machine: &Machine, more: u32, words: fn(u32) -> u32) -> Residence {
        let team = Team::of(n, machine);
        let capacity = words(ceiling(n)) * team.teams;
        let local = machine.real_bytes * (capacity + more * team.teams) <= machine.workgroup_bytes;
        Residence { team, local, capacity: if local { capacity } else { 1 } }
    }

    /// The `override` constants that say so.
    pub fn overrides(&self) -> Vec<(&'static str, f64)> {
        let own = [("LOCAL", u8::from(self.local).into()), ("CAPACITY", self.capacity.into())];
        [self.team.overrides(), own.to_vec()].concat()
    }
}
