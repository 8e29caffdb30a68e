// A projection with its activation: out = act(scale (weights . input)), in blocks (shared/block.wgsl).
//
// Stacked weights (query, key and value) are one projection.
// CPU twin: src/kernel/project.rs.

struct Params {
    rows: u32,
    inner: u32,
    columns: u32,
    activation: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;      // [members, rows, inner / 4], or of all
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;        // [members, inner, columns / 4]
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;    // [members, rows, columns / 4]

// Ends the projection of four rows of a quad, if there are such.
fn finish(member: u32, row: u32, quad: u32, sums: Rows) {
    let quads = params.columns / 4u;
    if row < params.rows && quad < quads {
        let at = (member * params.rows + row) * quads + quad;
        out[at] = activated4(params.scale * sums.a);
        out[at + quads] = activated4(params.scale * sums.b);
        out[at + 2u * quads] = activated4(params.scale * sums.c);
        out[at + 3u * quads] = activated4(params.scale * sums.d);
    }
}

@compute @workgroup_size(ROW_LANES, COLUMN_LANES, 1)
fn project(@builtin(local_invocation_id) lane: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    project_tile(group, lane.xy);
}
