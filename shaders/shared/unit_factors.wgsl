// What moves a unit of an FFN by as much as its gate or its other half moves: the slopes of the unit in both.
//
// Shaders that use it have elementary.wgsl, activation.wgsl, the binding `stacked` [members, rows: gate | up, columns], and
// `params` with hidden, columns, vectors and gated.

struct Factors {
    // act'(gate) up, or act'(up) without a gate.
    through: vec4<f32>,
    // act(gate); there with a gate only.
    beside: vec4<f32>,
}

// What four neighbours have of a row of the stack, the first of them at `at`.
fn of_stack(at: u32) -> vec4<f32> {
    if params.vectors != 1u {
        return vec4<f32>(stacked[at]);
    }
    return vec4<f32>(stacked[at], stacked[at + 1u], stacked[at + 2u], stacked[at + 3u]);
}

// The slopes at four neighbours; of a single column one is all.
fn slopes(x: vec4<f32>) -> vec4<f32> {
    let first = slope(x.x);
    if params.vectors != 1u {
        return vec4<f32>(first);
    }
    return vec4<f32>(first, slope(x.y), slope(x.z), slope(x.w));
}

// Those of four neighbours of row `row` of all members' stacks, the first of them in column `column`.
fn factors(row: u32, column: u32) -> Factors {
    let x = of_stack(row * params.columns + column);
    if params.gated == 0u {
        return Factors(slopes(x), vec4<f32>());
    }
    let up = of_stack((row + params.hidden) * params.columns + column);
    return Factors(slopes(x) * up, activated4(x));
}
