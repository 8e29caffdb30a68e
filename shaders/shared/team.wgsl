// Several matrices in one workgroup: each has a team of LANES invocations of its own.
//
// A team of one needs no barriers, and its loops end when they like. Larger teams share the barriers of their
// workgroup, so a loop with a barrier in it goes on until the last team is done.

override LANES: u32 = 32u;
override TEAMS: u32 = 1u;
// Does a matrix live in workgroup memory? Then nobody waits for storage: on an H100 that took half of the time of
// Francis' sweeps.
override LOCAL: bool = false;
// For each team, the largest value that somebody gave, in four places.
var<workgroup> raised: array<array<atomic<u32>, 4>, TEAMS>;
var<workgroup> longest: atomic<u32>;
var<private> lane: u32;
var<private> team: u32;

// Forgets what was raised; it is gone after the next barrier.
fn forget() {
    if LANES > 1u {
        for (var place = lane; place < 4u; place += LANES) {
            atomicStore(&raised[team][place], 0u);
        }
        if lane + team == 0u {
            atomicStore(&longest, 0u);
        }
    }
}

fn together() {
    if LANES > 1u {
        workgroupBarrier();
        if !LOCAL {
            storageBarrier();
        }
    }
}

// The largest of what the invocations of a team bring along. Each place serves once until it is forgotten.
fn highest(place: u32, own: u32) -> u32 {
    if LANES == 1u {
        return own;
    }
    atomicMax(&raised[team][place], own);
    workgroupBarrier();
    return atomicLoad(&raised[team][place]);
}

// The number of trips through a loop with barriers of which this team wants `own`.
fn trips_of_all(own: u32) -> u32 {
    if LANES == 1u {
        return own;
    }
    atomicMax(&longest, own);
    return workgroupUniformLoad(&longest);
}
