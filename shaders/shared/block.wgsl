// Products cut into blocks: which invocation makes which numbers of weights . input, and the panels that they are made
// from.
//
// An invocation makes 4 rows by 4 columns in registers; TALL adds four more rows, WIDE four more columns. They lie as far
// off as the workgroup's own first ones reach, so that neighbours read neighbours. A workgroup's tile has ROW_LANES times
// 4 or 8 rows and COLUMN_LANES times 4 or 8 columns. Each number is the sum of its terms from the first to the last.
//
// Shaders that use it say where weights are: `weight(at)` is number `at` of their vec4. Its other half is src/machine.rs.

override ROW_LANES: u32 = 8u;
override COLUMN_LANES: u32 = 8u;
override TALL: bool = false;
override WIDE: bool = false;
// Terms of every sum that are in the panels at a time.
override PANEL: u32 = 16u;
// What a tile holds, in fours: rows, columns, and the room for its panels.
override TILE_ROWS: u32 = 8u;
override TILE_QUADS: u32 = 8u;
override WEIGHT_ROOM: u32 = 1u;
override INPUT_ROOM: u32 = 1u;

var<workgroup> weight_panel: array<vec4<f32>, WEIGHT_ROOM>;    // [PANEL, TILE_ROWS + 1]
var<workgroup> input_panel: array<vec4<f32>, INPUT_ROOM>;      // [PANEL, TILE_QUADS]

// Rows a to d of a quad, then e to h below them; the right quad has the capitals.
struct Block {
    a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>,
    e: vec4<f32>, f: vec4<f32>, g: vec4<f32>, h: vec4<f32>,
    A: vec4<f32>, B: vec4<f32>, C: vec4<f32>, D: vec4<f32>,
    E: vec4<f32>, F: vec4<f32>, G: vec4<f32>, H: vec4<f32>,
}

// One more term of every number, from the panels.
fn add_term(block: ptr<function, Block>, weight: u32, unit: u32) {
    let u = input_panel[unit];
    let w = weight_panel[weight];
    (*block).a += w.x * u;
    (*block).b += w.y * u;
    (*block).c += w.z * u;
    (*block).d += w.w * u;
    if TALL {
        let z = weight_panel[weight + ROW_LANES];
        (*block).e += z.x * u;
        (*block).f += z.y * u;
        (*block).g += z.z * u;
        (*block).h += z.w * u;
    }
    if WIDE {
        let v = input_panel[unit + COLUMN_LANES];
        (*block).A += w.x * v;
        (*block).B += w.y * v;
        (*block).C += w.z * v;
        (*block).D += w.w * v;
        if TALL {
            let z = weight_panel[weight + ROW_LANES];
            (*block).E += z.x * v;
            (*block).F += z.y * v;
            (*block).G += z.z * v;
            (*block).H += z.w * v;
        }
    }
}

// The terms of a panel of weights, with the rows of the input panel that begin at `first`; four a trip, so that counting
// is a small part of it.
fn add_panel(block: ptr<function, Block>, lane: vec2<u32>, first: u32) {
    let stride = TILE_ROWS + 1u;
    for (var k = 0u; k < PANEL; k += 4u) {
        let weight = k * stride + lane.x;
        let unit = first + k * TILE_QUADS + lane.y;
        add_term(block, weight, unit);
        add_term(block, weight + stride, unit + TILE_QUADS);
        add_term(block, weight + 2u * stride, unit + 2u * TILE_QUADS);
        add_term(block, weight + 3u * stride, unit + 3u * TILE_QUADS);
    }
}

// Copies the weights of a tile, PANEL terms from number `first` of each row, to workgroup memory, transposed. The first row
// of the tile is row `first_row` of a matrix of so many rows and terms, which begins at `origin`.
fn stage_weights(origin: u32, first_row: u32, first: u32, rows: u32, inner: u32, lane: u32) {
    let terms = PANEL / 4u;
    let stride = TILE_ROWS + 1u;
    for (var i = lane; i < TILE_ROWS * terms; i += ROW_LANES * COLUMN_LANES) {
        let k = first / 4u + i % terms;
        // Rows beyond the last one are copies of it, terms beyond the last one are 0.
        let row = min(first_row + 4u * (i / terms), rows - 4u);
        let source = origin + row * (inner / 4u) + min(k, inner / 4u - 1u);
        let inside = vec4<bool>(4u * k < inner);
        let w0 = select(vec4<f32>(), weight(source), inside);
        let w1 = select(vec4<f32>(), weight(source + inner / 4u), inside);
        let w2 = select(vec4<f32>(), weight(source + 2u * (inner / 4u)), inside);
        let w3 = select(vec4<f32>(), weight(source + 3u * (inner / 4u)), inside);
        let to = 4u * (i % terms) * stride + i / terms;
        weight_panel[to] = vec4<f32>(w0.x, w1.x, w2.x, w3.x);
        weight_panel[to + stride] = vec4<f32>(w0.y, w1.y, w2.y, w3.y);
        weight_panel[to + 2u * stride] = vec4<f32>(w0.z, w1.z, w2.z, w3.z);
        weight_panel[to + 3u * stride] = vec4<f32>(w0.w, w1.w, w2.w, w3.w);
    }
}
