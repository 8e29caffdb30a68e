// The product weights . input of matrices in storage, in blocks (block.wgsl).
//
// STAGED: the workgroup copies PANEL terms of its sums at a time to workgroup memory, and each multiplication reads there:
// four vec4 for 64 multiply-adds. Otherwise each invocation reads storage for itself, along the rows of the weights: no
// barriers, which are dear on a driver that runs on the CPU.
//
// Shaders that use it have the bindings `weights` [members, rows, inner / 4] and `input` [members, inner, columns / 4],
// and `params` with rows, inner and columns.

override STAGED: bool = false;

fn weight(at: u32) -> vec4<f32> {
    return weights[at];
}

// Copies PANEL rows of the input.
fn stage_input(member: u32, first_quad: u32, first: u32, lane: u32) {
    let quads = params.columns / 4u;
    for (var i = lane; i < PANEL * TILE_QUADS; i += ROW_LANES * COLUMN_LANES) {
        let k = first + i / TILE_QUADS;
        let quad = min(first_quad + i % TILE_QUADS, quads - 1u);
        let value = input[(member * params.inner + min(k, params.inner - 1u)) * quads + quad];
        input_panel[i] = select(vec4<f32>(), value, vec4<bool>(k < params.inner));
    }
}

fn staged(block: ptr<function, Block>, member: u32, first_row: u32, first_quad: u32, lane: vec2<u32>) {
    for (var first = 0u; first < params.inner; first += PANEL) {
        workgroupBarrier();
        let origin = member * params.rows * (params.inner / 4u);
        stage_weights(origin, first_row, first, params.rows, params.inner, lane.y * ROW_LANES + lane.x);
        stage_input(member, first_quad, first, lane.y * ROW_LANES + lane.x);
        workgroupBarrier();
        add_panel(block, lane, 0u);
    }
}

// Four more terms of four numbers.
fn add_terms(sum: vec4<f32>, w: vec4<f32>, u0: vec4<f32>, u1: vec4<f32>, u2: vec4<f32>, u3: vec4<f32>) -> vec4<f32> {
    return sum + w.x * u0 + w.y * u1 + w.z * u2 + w.w * u3;
}

fn direct(block: ptr<function, Block>, member: u32, first_row: u32, first_quad: u32, lane: vec2<u32>) {
    let quads = params.columns / 4u;
    let inner = params.inner / 4u;
    let quad = min(first_quad + lane.y, quads - 1u);
    let right = min(first_quad + lane.y + COLUMN_LANES, quads - 1u);
    let row = min(first_row + 4u * lane.x, params.rows - 4u);
    let low = min(first_row + 4u * (lane.x + ROW_LANES), params.rows - 4u);
    var w = (member * params.rows + row) * inner;
    var z = (member * params.rows + low) * inner;
    var u = member * params.inner * quads + quad;
    var v = member * params.inner * quads + right;
    for (var k = 0u; k < inner; k += 1u) {
        let u0 = input[u];
        let u1 = input[u + quads];
        let u2 = input[u + 2u * quads];
        let u3 = input[u + 3u * quads];
        let w0 = weights[w];
        let w1 = weights[w + inner];
        let w2 = weights[w + 2u * inner];
        let w3 = weights[w + 3u * inner];
        (*block).a = add_terms((*block).a, w0, u0, u1, u2, u3);
        (*block).b = add_terms((*block).b, w1, u0, u1, u2, u3);
        (*block).c = add_terms((*block).c, w2, u0, u1, u2, u3);
        (*block).d = add_terms((*block).d, w3, u0, u1, u2, u3);
        if WIDE {
            let v0 = input[v];
            let v1 = input[v + quads];
            let v2 = input[v + 2u * quads];
            let v3 = input[v + 3u * quads];
            (*block).A = add_terms((*block).A, w0, v0, v1, v2, v3);
            (*block).B = add_terms((*block).B, w1, v0, v1, v2, v3);
            (*block).C = add_terms((*block).C, w2, v0, v1, v2, v3);
            (*block).D = add_terms((*block).D, w3, v0, v1, v2, v3);
            if TALL {
                (*block).E = add_terms((*block).E, weights[z], v0, v1, v2, v3);
                (*block).F = add_terms((*block).F, weights[z + inner], v0, v1, v2, v3);
                (*block).G = add_terms((*block).G, weights[z + 2u * inner], v0, v1, v2, v3);
                (*block).H = add_terms((*block).H, weights[z + 3u * inner], v0, v1, v2, v3);
            }
        }
        if TALL {
            (*block).e = add_terms((*block).e, weights[z], u0, u1, u2, u3);
            (*block).f = add_terms((*block).f, weights[z + inner], u0, u1, u2, u3);
            (*block).g = add_terms((*block).g, weights[z + 2u * inner], u0, u1, u2, u3);
            (*block).h = add_terms((*block).h, weights[z + 3u * inner], u0, u1, u2, u3);
        }
        w += 1u;
        z += 1u;
        u += 4u * quads;
        v += 4u * quads;
    }
}

// This invocation's block of the tile whose first row and first quad of columns these are; for all of a workgroup.
fn product(member: u32, first_row: u32, first_quad: u32, lane: vec2<u32>) -> Block {
    var block = Block();
    if STAGED {
        staged(&block, member, first_row, first_quad, lane);
    } else {
        direct(&block, member, first_row, first_quad, lane);
    }
    return block;
}
