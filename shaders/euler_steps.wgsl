// Some linear Euler steps in a row: x <- keep x + gain (weights . x), with the record of every column after each step.
//
// A workgroup owns whole columns and keeps them in workgroup memory from the first step to the last, as the input panel
// of blocks (shared/block.wgsl) that have all of its rows. RESIDENT weights stay there too; others are staged PANEL terms
// at a time, from a cache. Three barriers a step, and two for each panel that is staged. Records stay there too.
// CPU twin: src/kernel/euler_steps.rs.

struct Params {
    rows: u32,
    columns: u32,
    first: u32,
    steps: u32,
    renormalise: u32,
    threshold_exponent: i32,
    threshold_mantissa: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;       // [members, rows, rows / 4]
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>;  // [keep | gain, columns / 4]
@group(0) @binding(3) var<storage, read> member_gain: array<f32>;         // [members], or 1 for all
@group(0) @binding(4) var<storage, read_write> x: array<vec4<f32>>;       // [members, rows, columns / 4]
@group(0) @binding(5) var<storage, read_write> norms: array<f32>;         // [members, now | peak | initial, columns]
@group(0) @binding(6) var<storage, read_write> events: array<i32>;         // [members, 3 scales | 4 events, columns]

override RESIDENT: bool = false;

// Of each column, and what the next step multiplies it by.
var<workgroup> records: array<Record, 4u * TILE_QUADS>;
var<workgroup> scales: array<f32, 4u * TILE_QUADS>;

fn weight(at: u32) -> vec4<f32> {
    return weights[at];
}

// Ends the step of four rows of a quad of the tile, if there are such; returns the squares of its columns.
fn finish(row: u32, quad: u32, keep: vec4<f32>, gain: vec4<f32>, sums: Rows) -> vec4<f32> {
    if row >= params.rows {
        return vec4<f32>();
    }
    let at = row * TILE_QUADS + quad;
    let o0 = keep * input_panel[at] + gain * sums.a;
    let o1 = keep * input_panel[at + TILE_QUADS] + gain * sums.b;
    let o2 = keep * input_panel[at + 2u * TILE_QUADS] + gain * sums.c;
    let o3 = keep * input_panel[at + 3u * TILE_QUADS] + gain * sums.d;
    input_panel[at] = o0;
    input_panel[at + TILE_QUADS] = o1;
    input_panel[at + 2u * TILE_QUADS] = o2;
    input_panel[at + 3u * TILE_QUADS] = o3;
    return o0 * o0 + o1 * o1 + o2 * o2 + o3 * o3;
}

@compute @workgroup_size(ROW_LANES, COLUMN_LANES, 1)
fn euler_steps(@builtin(local_invocation_index) own: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let lane = lane_of(own);
    let member = group.z;
    let quads = params.columns / 4u;
    let first_quad = group.x * TILE_QUADS;
    let origin = member * params.rows * (params.rows / 4u);
    let gain_of_member = member_gain[member % arrayLength(&member_gain)];
    for (var i = own; i < params.rows * TILE_QUADS; i += ROW_LANES * COLUMN_LANES) {
        // Beyond the last quad: zeros, which are not written.
        let quad = first_quad + i % TILE_QUADS;
        let value = x[(member * params.rows + i / TILE_QUADS) * quads + min(quad, quads - 1u)];
        input_panel[i] = select(vec4<f32>(), value, vec4<bool>(quad < quads));
    }
    for (var i = own; i < 4u * TILE_QUADS; i += ROW_LANES * COLUMN_LANES) {
        let record = record_of(member, min(4u * first_quad + i, params.columns - 1u), params.columns);
        records[i] = record;
        scales[i] = power_of_two(-record.pending);
    }
    if RESIDENT {
        stage_weights(origin, 0u, 0u, params.rows, params.rows, own);
    }
    workgroupBarrier();
    for (var step = 0u; step < params.steps; step += 1u) {
        var p = Block();
        for (var first = 0u; first < params.rows; first += PANEL) {
            if !RESIDENT {
                workgroupBarrier();
                stage_weights(origin, 0u, first, params.rows, params.rows, own);
                workgroupBarrier();
            }
            add_panel(&p, lane, first * TILE_QUADS);
        }
        // Nobody needs the old state any more.
        workgroupBarrier();
        let row = 4u * lane.x;
        let quad = lane.y;
        let at = min(first_quad + quad, quads - 1u);
        let scale = vec4<f32>(scales[4u * quad], scales[4u * quad + 1u], scales[4u * quad + 2u], scales[4u * quad + 3u]);
        let keep = coefficients[at] * scale;
        let gain = coefficients[quads + at] * gain_of_member * scale;
        let squares = finish(row, quad, keep, gain, p.upper);
        partial[quad * ROW_LANES + lane.x] = squares + finish(row + 4u * ROW_LANES, quad, keep, gain, p.lower);
        workgroupBarrier();
        // One invocation for each column.
        for (var i = own; i < 4u * TILE_QUADS; i += ROW_LANES * COLUMN_LANES) {
            let record = tracked(records[i], column_square(i), params.first + step, params.renormalise != 0u);
            records[i] = record;
            scales[i] = power_of_two(-record.pending);
        }
        workgroupBarrier();
    }
    for (var i = own; i < params.rows * TILE_QUADS; i += ROW_LANES * COLUMN_LANES) {
        let quad = first_quad + i % TILE_QUADS;
        if quad < quads {
            x[(member * params.rows + i / TILE_QUADS) * quads + quad] = input_panel[i];
        }
    }
    for (var i = own; i < 4u * TILE_QUADS; i += ROW_LANES * COLUMN_LANES) {
        if 4u * first_quad + i < params.columns {
            keep_record(member, 4u * first_quad + i, params.columns, records[i]);
        }
    }
}
