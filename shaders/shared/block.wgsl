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

// Four rows of a quad of columns.
struct Rows {
    a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>,
}

struct Block {
    upper: Rows, lower: Rows, upper_right: Rows, lower_right: Rows,
}

// Where an invocation stands in the tile, along the rows and the columns. Neighbours stand in squares of 2 by 2, where
// the tile has such: pairs of them read the same weights, and pairs the same units. On an H100 that is 12 % of the time
// of linear steps.
fn lane_of(index: u32) -> vec2<u32> {
    if ROW_LANES % 2u == 1u || COLUMN_LANES % 2u == 1u {
        return vec2<u32>(index % ROW_LANES, index / ROW_LANES);
    }
    let squares = max(1u, ROW_LANES / 2u);
    let square = index / 4u;
    return 2u * vec2<u32>(square % squares, square / squares) + vec2<u32>(index % 2u, (index / 2u) % 2u);
}

// One more term of each number: of rows with weights w, of columns with units u.
fn plus(rows: Rows, w: vec4<f32>, u: vec4<f32>) -> Rows {
    return Rows(rows.a + w.x * u, rows.b + w.y * u, rows.c + w.z * u, rows.d + w.w * u);
}

// One more term of every number, from the panels.
fn add_term(block: ptr<function, Block>, weight: u32, unit: u32) {
    let w = weight_panel[weight];
    let u = input_panel[unit];
    (*block).upper = plus((*block).upper, w, u);
    if TALL {
        (*block).lower = plus((*block).lower, weight_panel[weight + ROW_LANES], u);
    }
    if WIDE {
        let v = input_panel[unit + COLUMN_LANES];
        (*block).upper_right = plus((*block).upper_right, w, v);
        if TALL {
            (*block).lower_right = plus((*block).lower_right, weight_panel[weight + ROW_LANES], v);
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
// of the tile is row `first_row` of a matrix of so many rows and terms, which begins at `origin`. Rows beyond the last one
// are copies of it, terms beyond the last one are 0.
fn stage_weights(origin: u32, first_row: u32, first: u32, rows: u32, inner: u32, lane: u32) {
    let terms = PANEL / 4u;
    let stride = TILE_ROWS + 1u;
    let line = inner / 4u;
    for (var i = lane; i < TILE_ROWS * terms; i += ROW_LANES * COLUMN_LANES) {
        let k = first / 4u + i % terms;
        let at = origin + min(first_row + 4u * (i / terms), rows - 4u) * line + min(k, line - 1u);
        let inside = vec4<bool>(k < line);
        let w0 = select(vec4<f32>(), weight(at), inside);
        let w1 = select(vec4<f32>(), weight(at + line), inside);
        let w2 = select(vec4<f32>(), weight(at + 2u * line), inside);
        let w3 = select(vec4<f32>(), weight(at + 3u * line), inside);
        let to = 4u * (i % terms) * stride + i / terms;
        weight_panel[to] = vec4<f32>(w0.x, w1.x, w2.x, w3.x);
        weight_panel[to + stride] = vec4<f32>(w0.y, w1.y, w2.y, w3.y);
        weight_panel[to + 2u * stride] = vec4<f32>(w0.z, w1.z, w2.z, w3.z);
        weight_panel[to + 3u * stride] = vec4<f32>(w0.w, w1.w, w2.w, w3.w);
    }
}
