// Rotary positions: numbers i and i + dimensions / 2 of a head are turned by the angle of their pair and of the column's
// position. All other rows are copied.
//
// An invocation owns four numbers of a row: four tangent vectors of a column, or the only ones of four columns.
// CPU twin: src/kernel/rotate.rs.

struct Params {
    rows: u32,
    columns: u32,
    vectors: u32,
    heads: u32,
    head_width: u32,
    dimensions: u32,
    positions: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> cosines: array<f32>;            // [dimensions / 2, positions]
@group(0) @binding(2) var<storage, read> sines: array<f32>;              // [dimensions / 2, positions]
@group(0) @binding(3) var<storage, read> position: array<u32>;           // [members, columns], or of all
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;            // [members, rows, columns, vectors / 4]
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;    // [members, rows, columns, vectors / 4]

// Where a pair's angle at a column's position is in the tables.
fn angle(pair: u32, column: u32) -> u32 {
    return pair * params.positions + position[column % arrayLength(&position)];
}

@compute @workgroup_size(64, 1, 1)
fn rotate(@builtin(global_invocation_id) at: vec3<u32>) {
    let quads = params.columns * params.vectors / 4u;
    if at.x >= quads {
        return;
    }
    let own = (at.z * params.rows + at.y) * quads + at.x;
    let i = at.y % params.head_width;
    if at.y >= params.heads * params.head_width || i >= params.dimensions {
        out[own] = x[own];
        return;
    }
    let pairs = params.dimensions / 2u;
    let is_first = i < pairs;
    let pair = select(i - pairs, i, is_first);
    let other = select(own - pairs * quads, own + pairs * quads, is_first);
    let column = at.z * params.columns + 4u * at.x / params.vectors;
    let a = angle(pair, column);
    var cosine = vec4<f32>(cosines[a]);
    var sine = vec4<f32>(sines[a]);
    if params.vectors == 1u {
        let b = angle(pair, column + 1u);
        let c = angle(pair, column + 2u);
        let d = angle(pair, column + 3u);
        cosine = vec4<f32>(cosines[a], cosines[b], cosines[c], cosines[d]);
        sine = vec4<f32>(sines[a], sines[b], sines[c], sines[d]);
    }
    out[own] = cosine * x[own] + select(sine, -sine, is_first) * x[other];
}
