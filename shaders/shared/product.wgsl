// The product weights . input of matrices in storage, in blocks (block.wgsl).
//
// STAGED: the workgroup copies PANEL terms of its sums at a time to workgroup memory, and each multiplication reads there:
// four vec4 for 64 multiply-adds. Otherwise each invocation reads storage for itself, along the rows of the weights: no
// barriers, which are dear on a driver that runs on the CPU.
//
// Shaders that use it have the bindings `weights` [members, rows, inner / 4], or [rows, inner / 4] for all members, and
// `input` [members, inner, columns / 4], and `params` with rows, inner and columns.

override STAGED: bool = false;

fn weight(at: u32) -> vec4<f32> {
    return weights[at];
}

// Where the weights of a member begin: at the start, where all share them or there is only one.
fn weights_of(member: u32) -> u32 {
    let length = params.rows * (params.inner / 4u);
    return select(member * length, 0u, arrayLength(&weights) == length);
}

// Copies PANEL rows of the input; quads beyond the last one are copies of it.
fn stage_input(member: u32, first_quad: u32, first: u32, lane: u32) {
    let quads = params.columns / 4u;
    for (var i = lane; i < PANEL * TILE_QUADS; i += ROW_LANES * COLUMN_LANES) {
        let quad = min(first_quad + i % TILE_QUADS, quads - 1u);
        input_panel[i] = input[(member * params.inner + first + i / TILE_QUADS) * quads + quad];
    }
}

fn staged(block: ptr<function, Block>, member: u32, first_row: u32, first_quad: u32, lane: vec2<u32>) {
    let origin = weights_of(member);
    for (var first = 0u; first < params.inner; first += PANEL) {
        workgroupBarrier();
        stage_weights(origin, first_row, first, params.rows, params.inner, lane.y * ROW_LANES + lane.x);
        stage_input(member, first_quad, first, lane.y * ROW_LANES + lane.x);
        workgroupBarrier();
        add_panel(block, lane, 0u);
    }
}

// Four more terms of each number: four rows of weights begin at `at`, units are four rows of a quad.
fn plus_four(rows: Rows, at: u32, u: Rows) -> Rows {
    let line = params.inner / 4u;
    let a = weights[at];
    let b = weights[at + line];
    let c = weights[at + 2u * line];
    let d = weights[at + 3u * line];
    return Rows(
        rows.a + a.x * u.a + a.y * u.b + a.z * u.c + a.w * u.d,
        rows.b + b.x * u.a + b.y * u.b + b.z * u.c + b.w * u.d,
        rows.c + c.x * u.a + c.y * u.b + c.z * u.c + c.w * u.d,
        rows.d + d.x * u.a + d.y * u.b + d.z * u.c + d.w * u.d,
    );
}

fn four_rows(at: u32) -> Rows {
    let quads = params.columns / 4u;
    return Rows(input[at], input[at + quads], input[at + 2u * quads], input[at + 3u * quads]);
}

fn direct(block: ptr<function, Block>, member: u32, first_row: u32, first_quad: u32, lane: vec2<u32>) {
    let quads = params.columns / 4u;
    let inner = params.inner / 4u;
    let quad = min(first_quad + lane.y, quads - 1u);
    let right = min(first_quad + lane.y + COLUMN_LANES, quads - 1u);
    let row = min(first_row + 4u * lane.x, params.rows - 4u);
    let low = min(first_row + 4u * (lane.x + ROW_LANES), params.rows - 4u);
    let origin = weights_of(member);
    let units = member * params.inner * quads;
    for (var k = 0u; k < inner; k += 1u) {
        let w = origin + row * inner + k;
        let z = origin + low * inner + k;
        let u = four_rows(units + 4u * k * quads + quad);
        (*block).upper = plus_four((*block).upper, w, u);
        if TALL {
            (*block).lower = plus_four((*block).lower, z, u);
        }
        if WIDE {
            let v = four_rows(units + 4u * k * quads + right);
            (*block).upper_right = plus_four((*block).upper_right, w, v);
            if TALL {
                (*block).lower_right = plus_four((*block).lower_right, z, v);
            }
        }
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
