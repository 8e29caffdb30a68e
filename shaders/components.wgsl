// The irreducible blocks of matrices: the strongly connected components of the graph with an edge i -> j where entry
// (i, j) is not 0.
//
// One team for each matrix. A matrix without a zero beside the diagonal is one block, and nothing more is done. Else
// Warshall's transitive closure, a bit for each pair, the pivots `first .. last` in one dispatch; every invocation owns
// rows. The dispatch with the last pivot names each block by its lowest index and ranks the indices by (block, index).
//
// Sources: Warshall, "A theorem on Boolean matrices" (1962); Duff and Reid, "An implementation of Tarjan's algorithm for
// the block triangularization of a matrix" (1978). CPU twin: src/kernel/components.rs.

struct Params {
    n: u32,
    first: u32,
    last: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> matrices: array<word>;      // [members, n, n], bits
@group(0) @binding(2) var<storage, read_write> reach: array<u32>;    // [members, n, bits of n in words]
@group(0) @binding(3) var<storage, read_write> blocks: array<u32>;   // [members, n, index | block]

// The block of each index, of all teams.
override WIDTH: u32 = 512u;
var<workgroup> lowest: array<u32, WIDTH>;

// Place of `highest`.
const ZERO: u32 = 0u;

fn is_zero(at: u32) -> bool {
    return (matrices[at] << 1u) == word(0u);
}

// Is an entry beside the diagonal 0, among those that this invocation looks at? Where none is, not even on the
// diagonal, no division is made.
fn finds_zero(base: u32, size: u32) -> u32 {
    var any = false;
    for (var i = lane; i < size; i += LANES) {
        any |= is_zero(base + i);
    }
    var own = 0u;
    for (var i = lane; i < select(0u, size, any); i += LANES) {
        own |= select(0u, 1u, is_zero(base + i) && i % (params.n + 1u) != 0u);
    }
    return own;
}

// Reads row i of the graph.
fn read_row(base: u32, row: u32, i: u32, words: u32) {
    let n = params.n;
    for (var w = 0u; w < words; w += 1u) {
        var bits = 0u;
        for (var j = 32u * w; j < min(n, 32u * w + 32u); j += 1u) {
            bits |= select(1u << (j % 32u), 0u, is_zero(base + i * n + j));
        }
        reach[row + w] = bits;
    }
}

fn reaches(row: u32, j: u32) -> bool {
    return ((reach[row + j / 32u] >> (j % 32u)) & 1u) == 1u;
}

// The lowest index with paths from and to i.
fn block_of(rows: u32, i: u32, words: u32) -> u32 {
    var found = i;
    for (var j = 0u; j < i; j += 1u) {
        if reaches(rows + i * words, j) && reaches(rows + j * words, i) {
            found = min(found, j);
        }
    }
    return found;
}

// How many indices stand before i.
fn rank(i: u32) -> u32 {
    let own = lowest[team * (WIDTH / TEAMS) + i];
    var before = 0u;
    for (var j = 0u; j < params.n; j += 1u) {
        let other = lowest[team * (WIDTH / TEAMS) + j];
        before += select(0u, 1u, other < own || (other == own && j < i));
    }
    return before;
}

@compute @workgroup_size(LANES, TEAMS, 1)
fn components(@builtin(local_invocation_id) local_id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    lane = local_id.x;
    team = local_id.y;
    let n = params.n;
    let member = group.z * TEAMS + team;
    // Teams without a matrix do nothing, but take part in the barriers.
    let present = 2u * member * n < arrayLength(&blocks);
    let base = member * n * n;
    let words = (n + 31u) / 32u;
    let rows = member * n * words;
    forget();
    together();
    let split = highest(ZERO, finds_zero(base, select(0u, n * n, present))) == 1u;
    // The rows of those that have something to do.
    let size = select(0u, n, split);
    if params.first == 0u {
        for (var i = lane; i < select(0u, n, present && !split); i += LANES) {
            blocks[2u * (member * n + i)] = i;
            blocks[2u * (member * n + i) + 1u] = 0u;
        }
        for (var i = lane; i < size; i += LANES) {
            read_row(base, rows + i * words, i, words);
        }
    }
    let pivots = trips_of_all(select(0u, params.last - params.first, split));
    if pivots == 0u {
        return;
    }
    together();
    for (var k = params.first; k < params.first + pivots; k += 1u) {
        for (var i = lane; i < size; i += LANES) {
            if i != k && reaches(rows + i * words, k) {
                for (var w = 0u; w < words; w += 1u) {
                    reach[rows + i * words + w] |= reach[rows + k * words + w];
                }
            }
        }
        together();
    }
    if params.last < n {
        return;
    }
    for (var i = lane; i < size; i += LANES) {
        lowest[team * (WIDTH / TEAMS) + i] = block_of(rows, i, words);
    }
    together();
    for (var i = lane; i < size; i += LANES) {
        let to = 2u * (member * n + rank(i));
        blocks[to] = i;
        blocks[to + 1u] = lowest[team * (WIDTH / TEAMS) + i];
    }
}
