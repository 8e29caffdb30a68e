// The Euler update with its epilogue: out = keep x + gain (weights . input), then the norm of every column.
//
// The product is made in blocks (shared/block.wgsl). A workgroup that keeps a record owns whole columns and takes tile after
// tile of their rows, so norms need one barrier and no atomics, and are summed in a fixed order. Without a record each tile
// has a workgroup of its own: few columns of a wide state would leave a card idle.
// CPU twin: src/kernel/euler_update.rs.

struct Params {
    rows: u32,
    inner: u32,
    columns: u32,
    step: u32,
    record: u32,
    renormalise: u32,
    threshold_exponent: i32,
    threshold_mantissa: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;       // [members, rows, inner / 4], or of all
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;         // [members, inner, columns / 4]
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;             // [members, rows, columns / 4]
@group(0) @binding(4) var<storage, read> coefficients: array<vec4<f32>>;  // [keep | gain, columns / 4]
@group(0) @binding(5) var<storage, read> member_gain: array<f32>;         // [members], or 1 for all
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>;     // [members, rows, columns / 4]
@group(0) @binding(7) var<storage, read_write> norms: array<f32>;         // [members, now | peak | initial, columns]
@group(0) @binding(8) var<storage, read_write> events: array<i32>;         // [members, 3 scales | 4 events, columns]

// What an update does to the four columns of a quad of a member.
struct Scales {
    keep: vec4<f32>,
    gain: vec4<f32>,
}

fn scales(member: u32, quad: u32) -> Scales {
    let quads = params.columns / 4u;
    let own = min(quad, quads - 1u);
    var scale = vec4<f32>(1.0);
    if params.record != 0u {
        let pending = (member * EVENT_ROWS + PENDING) * params.columns + 4u * own;
        scale = vec4<f32>(power_of_two(-events[pending]), power_of_two(-events[pending + 1u]),
            power_of_two(-events[pending + 2u]), power_of_two(-events[pending + 3u]));
    }
    let gain = coefficients[quads + own] * member_gain[member % arrayLength(&member_gain)];
    return Scales(coefficients[own] * scale, gain * scale);
}

// Ends the update of four rows of a quad, if there are such; returns the squares of its columns.
fn finish(member: u32, row: u32, quad: u32, scales: Scales, sums: Rows) -> vec4<f32> {
    let quads = params.columns / 4u;
    if row >= params.rows || quad >= quads {
        return vec4<f32>();
    }
    let at = (member * params.rows + row) * quads + quad;
    let o0 = scales.keep * x[at] + scales.gain * sums.a;
    let o1 = scales.keep * x[at + quads] + scales.gain * sums.b;
    let o2 = scales.keep * x[at + 2u * quads] + scales.gain * sums.c;
    let o3 = scales.keep * x[at + 3u * quads] + scales.gain * sums.d;
    out[at] = o0;
    out[at + quads] = o1;
    out[at + 2u * quads] = o2;
    out[at + 3u * quads] = o3;
    return o0 * o0 + o1 * o1 + o2 * o2 + o3 * o3;
}

@compute @workgroup_size(ROW_LANES, COLUMN_LANES, 1)
fn euler_update(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    let first_quad = group.x * TILE_QUADS;
    let quad = first_quad + lane.y;
    let right = quad + COLUMN_LANES;
    let left_scales = scales(member, quad);
    let right_scales = scales(member, right);
    var squares = vec4<f32>();
    var squares_right = vec4<f32>();
    // With a record `group.y` is 0 and the loop goes through all tiles, else it ends behind the workgroup's own.
    let tile = 4u * TILE_ROWS;
    let stride = select(params.rows, tile, params.record != 0u);
    for (var first_row = group.y * tile; first_row < params.rows; first_row += stride) {
        let p = product(member, first_row, first_quad, lane.xy);
        let row = first_row + 4u * lane.x;
        let low = row + 4u * ROW_LANES;
        squares += finish(member, row, quad, left_scales, p.upper);
        if TALL {
            squares += finish(member, low, quad, left_scales, p.lower);
        }
        if WIDE {
            squares_right += finish(member, row, right, right_scales, p.upper_right);
        }
        if TALL && WIDE {
            squares_right += finish(member, low, right, right_scales, p.lower_right);
        }
    }
    if params.record == 0u {
        return;
    }
    partial[lane.y * ROW_LANES + lane.x] = squares;
    if WIDE {
        partial[(lane.y + COLUMN_LANES) * ROW_LANES + lane.x] = squares_right;
    }
    workgroupBarrier();
    // One invocation for each column.
    for (var i = lane.y * ROW_LANES + lane.x; i < 4u * TILE_QUADS; i += ROW_LANES * COLUMN_LANES) {
        if 4u * first_quad + i < params.columns {
            let column = 4u * first_quad + i;
            track(member, column, params.columns, column_square(i), params.step, params.renormalise != 0u);
        }
    }
}
