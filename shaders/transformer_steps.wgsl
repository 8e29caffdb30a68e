// Some Euler steps in a row of the Transformer layer with its norm before f: x' <- keep x + gain W_O heads(norm(x)),
// then x <- keep x' + gain W_2 act(W_1 norm(x')), with the record of every grid point after each step.
//
// A workgroup owns whole grid points and all rows of them. A point's tokens begin a quad of columns, so a quad of
// queries has keys of one point; columns beyond the last token or point are zeros, which are not written. An
// invocation has one block of 4 by 4 numbers of the state (shared/block.wgsl), in registers from the first step to the
// last. What others read lies in the input panel: the normed state, in whose place scores come, and behind it queries,
// keys and values, in whose place come heads and then hidden units, a panel of rows at a time. Weights are staged
// PANEL terms at a time, from a cache.
// CPU twin: src/kernel/transformer_steps.rs.

struct Params {
    width: u32,
    rows: u32,
    tokens: u32,
    points: u32,
    columns: u32,
    heads: u32,
    causal: u32,
    stacked: u32,
    hidden: u32,
    root_mean_square: u32,
    activation: u32,
    first: u32,
    steps: u32,
    threshold_exponent: i32,
    threshold_mantissa: f32,
    projection_scale: f32,
    score_scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> query_key_value: array<vec4<f32>>;  // [members, stacked, rows / 4]
@group(0) @binding(2) var<storage, read> output: array<vec4<f32>>;           // [members, rows, rows / 4]
@group(0) @binding(3) var<storage, read> up: array<vec4<f32>>;               // [members, hidden, rows / 4]
@group(0) @binding(4) var<storage, read> down: array<vec4<f32>>;             // [members, rows, hidden / 4]
@group(0) @binding(5) var<storage, read> coefficients: array<f32>;           // [attention, FFN: keep | gain, columns]
@group(0) @binding(6) var<storage, read_write> x: array<f32>;                // [members, rows, columns]
@group(0) @binding(7) var<storage, read_write> norms: array<f32>;            // [members, now | peak | initial, points]
@group(0) @binding(8) var<storage, read_write> events: array<i32>;            // [members, 3 scales | 4 events, points]

// Grid points of a workgroup, and the room for what invocations have of a sum.
override POINTS: u32 = 1u;
override PARTIAL_ROOM: u32 = 1u;

const EPSILON: f32 = 0.00001;
const QUERY_KEY_VALUE: u32 = 0u;
const OUTPUT: u32 = 1u;
const UP: u32 = 2u;
const DOWN: u32 = 3u;

var<workgroup> partial: array<vec4<f32>, PARTIAL_ROOM>;
var<workgroup> exponents: array<i32, PARTIAL_ROOM>;
var<workgroup> quad_squares: array<f32, TILE_QUADS>;
var<workgroup> quad_exponents: array<i32, TILE_QUADS>;
var<workgroup> frozen: array<u32, POINTS>;

// Along the rows and the quads of columns; the number of the invocation.
var<private> lane: vec2<u32>;
var<private> own: u32;
var<private> member: u32;
// Where the invocation's columns are, and whether there are such.
var<private> place: vec4<u32>;
var<private> inside: vec4<bool>;
// Which weights are staged.
var<private> staged: u32;

fn weight(at: u32) -> vec4<f32> {
    switch staged {
        case QUERY_KEY_VALUE: { return query_key_value[at]; }
        case OUTPUT: { return output[at]; }
        case UP: { return up[at]; }
        default: { return down[at]; }
    }
}

// Adds a state's worth of terms, from number `first` of the rows from `first_row` of some weights, to sums. What
// they are multiplied with begins at `unit` of the input panel. Two barriers for each panel, the first of them at
// once.
fn add_product(sums: ptr<function, Rows>, weights: u32, first_row: u32, first: u32, unit: u32) {
    staged = weights;
    let rows = select(select(params.rows, params.hidden, weights == UP), params.stacked, weights == QUERY_KEY_VALUE);
    let inner = select(params.rows, params.hidden, weights == DOWN);
    for (var k = 0u; k < params.rows; k += PANEL) {
        workgroupBarrier();
        stage_weights(member * rows * (inner / 4u), first_row, first + k, rows, inner, own);
        workgroupBarrier();
        for (var i = 0u; i < PANEL; i += 1u) {
            let u = input_panel[unit + (k + i) * TILE_QUADS + lane.y];
            *sums = plus(*sums, weight_panel[i * (TILE_ROWS + 1u) + lane.x], u);
        }
    }
}

// Leaves the invocation's four rows of a tile, which are rows from `row` of what begins at `to`.
fn leave(to: u32, row: u32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
    let at = to + row * TILE_QUADS + lane.y;
    input_panel[at] = a;
    input_panel[at + TILE_QUADS] = b;
    input_panel[at + 2u * TILE_QUADS] = c;
    input_panel[at + 3u * TILE_QUADS] = d;
}

// Sums over all rows of the invocation's columns, in a fixed order.
fn over_rows(own_rows: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    partial[lane.y * ROW_LANES + lane.x] = own_rows;
    workgroupBarrier();
    var sum = vec4<f32>();
    for (var j = 0u; j < ROW_LANES; j += 1u) {
        sum += partial[lane.y * ROW_LANES + j];
    }
    return sum;
}

// Row `row` of the state less its column's mean; rows beyond the width stay 0.
fn centred(value: vec4<f32>, mean: vec4<f32>, row: u32) -> vec4<f32> {
    return select(vec4<f32>(), value - mean, vec4<bool>(row < params.width));
}

// Leaves the normed state at the beginning of the input panel.
fn normalise(state: Rows) {
    let n = f32(params.width);
    var mean = vec4<f32>();
    if params.root_mean_square == 0u {
        mean = over_rows(state.a + state.b + state.c + state.d) / n;
    }
    let row = 4u * lane.x;
    let a = centred(state.a, mean, row);
    let b = centred(state.b, mean, row + 1u);
    let c = centred(state.c, mean, row + 2u);
    let d = centred(state.d, mean, row + 3u);
    let scale = 1.0 / sqrt(over_rows(a * a + b * b + c * c + d * d) / n + EPSILON);
    leave(0u, row, a * scale, b * scale, c * scale, d * scale);
}

// The sums of the attention's output projection.
fn attention(state: Rows) -> Rows {
    normalise(state);
    let s = params.projection_scale;
    for (var first = 0u; first < params.stacked; first += 4u * TILE_ROWS) {
        var p = Rows();
        add_product(&p, QUERY_KEY_VALUE, first, 0u, 0u);
        if first + 4u * lane.x < params.stacked {
            leave(STACK, first + 4u * lane.x, s * p.a, s * p.b, s * p.c, s * p.d);
        }
    }
    attend();
    var sum = Rows();
    add_product(&sum, OUTPUT, 0u, 0u, STACK);
    return sum;
}

// The sums of the FFN's output projection.
fn feedforward(state: Rows) -> Rows {
    normalise(state);
    let s = params.projection_scale;
    var sum = Rows();
    for (var first = 0u; first < params.hidden; first += params.rows) {
        var p = Rows();
        add_product(&p, UP, first, 0u, 0u);
        leave(STACK, 4u * lane.x, s * p.a, s * p.b, s * p.c, s * p.d);
        // In a loop, because the functions are long.
        for (var j = 0u; j < 4u; j += 1u) {
            let at = STACK + (4u * lane.x + j) * TILE_QUADS + lane.y;
            input_panel[at] = activated4(input_panel[at]);
        }
        add_product(&sum, DOWN, 0u, first, STACK);
    }
    return sum;
}

fn row_of(at: u32) -> vec4<f32> {
    return select(vec4<f32>(), vec4<f32>(x[at + place.x], x[at + place.y], x[at + place.z], x[at + place.w]), inside);
}

fn coefficient(row: u32) -> vec4<f32> {
    let at = vec4<u32>(row * params.columns) + place;
    let four = vec4<f32>(coefficients[at.x], coefficients[at.y], coefficients[at.z], coefficients[at.w]);
    return select(vec4<f32>(), four, inside);
}

// The Euler step of a sublayer with these sums.
fn advance(state: Rows, sublayer: u32, sum: Rows) -> Rows {
    let keep = coefficient(2u * sublayer);
    let gain = coefficient(2u * sublayer + 1u);
    return Rows(keep * state.a + gain * sum.a, keep * state.b + gain * sum.b, keep * state.c + gain * sum.c,
        keep * state.d + gain * sum.d);
}

fn square(values: vec4<f32>) -> vec4<f32> {
    let v = vec4<f32>(bounded(values.x), bounded(values.y), bounded(values.z), bounded(values.w));
    return v * v;
}

fn largest_exponent(v: vec4<f32>) -> i32 {
    return max(max(exponent_of(v.x), exponent_of(v.y)), max(exponent_of(v.z), exponent_of(v.w)));
}

// Ends a step: the record of each point, or its freezing.
fn record(state: Rows, first_point: u32, step: u32) {
    let invocations = ROW_LANES * COLUMN_LANES;
    let place_in_sum = lane.y * ROW_LANES + lane.x;
    partial[place_in_sum] = square(state.a) + square(state.b) + square(state.c) + square(state.d);
    exponents[place_in_sum] = max(max(largest_exponent(state.a), largest_exponent(state.b)),
        max(largest_exponent(state.c), largest_exponent(state.d)));
    workgroupBarrier();
    for (var quad = own; quad < TILE_QUADS; quad += invocations) {
        var sum = vec4<f32>();
        var exponent = -127;
        for (var j = 0u; j < ROW_LANES; j += 1u) {
            sum += partial[quad * ROW_LANES + j];
            exponent = max(exponent, exponents[quad * ROW_LANES + j]);
        }
        quad_squares[quad] = sum.x + sum.y + sum.z + sum.w;
        quad_exponents[quad] = exponent;
    }
    workgroupBarrier();
    for (var i = own; i < POINTS; i += invocations) {
        if frozen[i] == 0u {
            end_step(i, first_point + i, step);
        }
    }
    workgroupBarrier();
}

// Ends a step of point `i` of the tile, which is not frozen.
fn end_step(i: u32, point: u32, step: u32) {
    var sum = 0.0;
    var exponent = -127;
    for (var quad = i * POINT_QUADS; quad < (i + 1u) * POINT_QUADS; quad += 1u) {
        sum += quad_squares[quad];
        exponent = max(exponent, quad_exponents[quad]);
    }
    if exponent >= DIVERGED_EXPONENT {
        frozen[i] = 1u;
        freeze(member, point, params.points, step);
    } else {
        track(member, point, params.points, sum, step, false);
    }
}

// Finds out where the invocation's columns are, and which points are frozen, or not there.
fn begin(first_point: u32) {
    let point = first_point + lane.y / POINT_QUADS;
    let token = vec4<u32>(4u * (lane.y % POINT_QUADS)) + vec4<u32>(0u, 1u, 2u, 3u);
    inside = (token < vec4<u32>(params.tokens)) & vec4<bool>(point < params.points);
    place = select(vec4<u32>(), vec4<u32>(point * params.tokens) + token, inside);
    for (var i = own; i < POINTS; i += ROW_LANES * COLUMN_LANES) {
        let at = min(first_point + i, params.points - 1u);
        let event = events[(member * EVENT_ROWS + DIVERGED_STEP) * params.points + at];
        frozen[i] = select(0u, 1u, event != 0 || first_point + i >= params.points);
    }
}

fn store(at: u32, values: vec4<f32>) {
    for (var j = 0u; j < 4u; j += 1u) {
        if inside[j] {
            x[at + place[j]] = values[j];
        }
    }
}

@compute @workgroup_size(ROW_LANES, COLUMN_LANES, 1)
fn transformer_steps(@builtin(local_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    lane = id.xy;
    own = lane.y * ROW_LANES + lane.x;
    member = group.z;
    let first_point = group.x * POINTS;
    begin(first_point);
    let columns = params.columns;
    let at = (member * params.rows + 4u * lane.x) * columns;
    var state = Rows(row_of(at), row_of(at + columns), row_of(at + 2u * columns), row_of(at + 3u * columns));
    for (var step = 0u; step < params.steps; step += 1u) {
        let before = state;
        state = advance(state, 0u, attention(state));
        state = advance(state, 1u, feedforward(state));
        record(state, first_point, params.first + step);
        if frozen[lane.y / POINT_QUADS] != 0u {
            state = before;
        }
    }
    store(at, state.a);
    store(at + columns, state.b);
    store(at + 2u * columns, state.c);
    store(at + 3u * columns, state.d);
}
