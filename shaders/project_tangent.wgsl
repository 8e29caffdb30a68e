// The tangent of a projection with its activation: out = act'(pre) scale (weights . input), in blocks (shared/block.wgsl).
//
// Column c of `input` belongs to column c / vectors of the state that it is a tangent at; 4 neighbours share it unless
// there is one vector.
// CPU twin: src/kernel/project_tangent.rs.

struct Params {
    rows: u32,
    inner: u32,
    columns: u32,
    vectors: u32,
    activation: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;      // [members, rows, inner / 4], or of all
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;        // [members, inner, columns / 4]
@group(0) @binding(3) var<storage, read> pre: array<f32>;                // [members, rows, columns / vectors]
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;    // [members, rows, columns / 4]

// The slopes at four neighbouring columns, whose first one in `pre` is p.
fn slopes(p: u32) -> vec4<f32> {
    let first = slope(pre[p]);
    if params.vectors != 1u {
        return vec4<f32>(first);
    }
    return vec4<f32>(first, slope(pre[p + 1u]), slope(pre[p + 2u]), slope(pre[p + 3u]));
}

// Ends the projection of four rows of a quad, if there are such.
fn finish(member: u32, row: u32, quad: u32, sums: Rows) {
    let quads = params.columns / 4u;
    if row < params.rows && quad < quads {
        let at = (member * params.rows + row) * quads + quad;
        let points = params.columns / params.vectors;
        let p = (member * params.rows + row) * points + 4u * quad / params.vectors;
        out[at] = slopes(p) * params.scale * sums.a;
        out[at + quads] = slopes(p + points) * params.scale * sums.b;
        out[at + 2u * quads] = slopes(p + 2u * points) * params.scale * sums.c;
        out[at + 3u * quads] = slopes(p + 3u * points) * params.scale * sums.d;
    }
}

@compute @workgroup_size(ROW_LANES, COLUMN_LANES, 1)
fn project_tangent(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    project_tile(group, lane.xy);
}
