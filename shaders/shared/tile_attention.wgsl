// Attention of the grid points of a tile whose queries, keys and values are in the input panel (block.wgsl): heads are
// softmax(scale Q^T K) V over the tokens of a point.
//
// The tokens of a point begin a quad of columns and take POINT_QUADS of them. An invocation makes scores of 4 keys by
// 4 queries and exponentiates them; then it makes rows of the output, which take the place of the queries. Scores have
// the beginning of the panel, for as many heads at a time as have room there. Masked keys are excluded by their index.
//
// Shaders that use it have elementary.wgsl, `params` with width, tokens, heads, causal and score_scale, the number
// `own` of the invocation, and `partial` with room for the largest of 4 keys of each head and query.

// Quads of a point, heads whose scores have room at a time, where queries begin in the input panel.
override POINT_QUADS: u32 = 1u;
override HEADS_AT_ONCE: u32 = 1u;
override STACK: u32 = 1u;

const LOWEST: f32 = -3.0e38;
const LEAST: f32 = -80.0;

// The last key that each query of a quad sees; queries beyond the last one are like it.
fn last_keys(quad: u32) -> vec4<u32> {
    let query = 4u * (quad % POINT_QUADS);
    let most = vec4<u32>(params.tokens - 1u);
    let queries = min(vec4<u32>(query, query + 1u, query + 2u, query + 3u), most);
    return select(most, queries, params.causal != 0u);
}

// A quad of keys of a quad of queries for one of the heads whose scores are in the panel.
struct Item {
    head: u32,
    keys: u32,
    queries: u32,
}

fn item_of(i: u32) -> Item {
    let keys = i / TILE_QUADS;
    return Item(keys / POINT_QUADS, keys % POINT_QUADS, i % TILE_QUADS);
}

// Where scores and weights of the first key of an item are.
fn place_of(item: Item) -> u32 {
    return 4u * (item.head * POINT_QUADS + item.keys) * TILE_QUADS + item.queries;
}

// Leaves the scores of an item, and the largest of each query.
fn score(i: u32, first_head: u32) {
    let item = item_of(i);
    let head_width = params.width / params.heads;
    let head = STACK + (first_head + item.head) * head_width * TILE_QUADS;
    var q = head + item.queries;
    var k = head + params.width * TILE_QUADS + item.queries / POINT_QUADS * POINT_QUADS + item.keys;
    var s = Rows();
    for (var r = 0u; r < head_width; r += 1u) {
        let queries = input_panel[q];
        let keys = input_panel[k];
        s.a += keys.x * queries;
        s.b += keys.y * queries;
        s.c += keys.z * queries;
        s.d += keys.w * queries;
        q += TILE_QUADS;
        k += TILE_QUADS;
    }
    let last = last_keys(item.queries);
    let lowest = vec4<f32>(LOWEST);
    let key = vec4<u32>(4u * item.keys);
    let a = select(lowest, params.score_scale * s.a, key <= last);
    let b = select(lowest, params.score_scale * s.b, key + 1u <= last);
    let c = select(lowest, params.score_scale * s.c, key + 2u <= last);
    let d = select(lowest, params.score_scale * s.d, key + 3u <= last);
    let at = place_of(item);
    input_panel[at] = a;
    input_panel[at + TILE_QUADS] = b;
    input_panel[at + 2u * TILE_QUADS] = c;
    input_panel[at + 3u * TILE_QUADS] = d;
    partial[i] = max(max(a, b), max(c, d));
}

// Makes an item's scores e^(score - largest).
fn weigh(i: u32) {
    let item = item_of(i);
    var largest = vec4<f32>(LOWEST);
    for (var keys = 0u; keys < POINT_QUADS; keys += 1u) {
        largest = max(largest, partial[(item.head * POINT_QUADS + keys) * TILE_QUADS + item.queries]);
    }
    let last = last_keys(item.queries);
    for (var j = 0u; j < 4u; j += 1u) {
        let at = place_of(item) + j * TILE_QUADS;
        let s = clamp(input_panel[at] - largest, vec4<f32>(LEAST), vec4<f32>(0.0));
        let e = vec4<f32>(exponential(s.x), exponential(s.y), exponential(s.z), exponential(s.w));
        input_panel[at] = select(vec4<f32>(), e, vec4<u32>(4u * item.keys + j) <= last);
    }
}

// Row `row`, counted from the first of these heads, of a quad of the output, in the place of the queries.
fn blend(row: u32, quad: u32, first_head: u32) {
    let head_width = params.width / params.heads;
    let to = STACK + (first_head * head_width + row) * TILE_QUADS + quad;
    var v = to + 2u * params.width * TILE_QUADS - quad % POINT_QUADS;
    var w = 4u * (row / head_width) * POINT_QUADS * TILE_QUADS + quad;
    var sum = vec4<f32>();
    var total = vec4<f32>();
    for (var keys = 0u; keys < POINT_QUADS; keys += 1u) {
        let values = input_panel[v];
        let a = input_panel[w];
        let b = input_panel[w + TILE_QUADS];
        let c = input_panel[w + 2u * TILE_QUADS];
        let d = input_panel[w + 3u * TILE_QUADS];
        total += a + b + c + d;
        sum += values.x * a + values.y * b + values.z * c + values.w * d;
        v += 1u;
        w += 4u * TILE_QUADS;
    }
    input_panel[to] = sum / total;
}

// Leaves the heads' outputs in the place of the queries.
fn attend() {
    let invocations = ROW_LANES * COLUMN_LANES;
    for (var head = 0u; head < params.heads; head += HEADS_AT_ONCE) {
        let heads = min(HEADS_AT_ONCE, params.heads - head);
        let items = heads * POINT_QUADS * TILE_QUADS;
        // What is read by then: the normed state, or the weights of other heads.
        workgroupBarrier();
        for (var i = own; i < items; i += invocations) {
            score(i, head);
        }
        workgroupBarrier();
        for (var i = own; i < items; i += invocations) {
            weigh(i);
        }
        workgroupBarrier();
        // Nobody reads these heads' queries any more.
        for (var i = own; i < heads * (params.width / params.heads) * TILE_QUADS; i += invocations) {
            blend(i / TILE_QUADS, i % TILE_QUADS, head);
        }
    }
}
