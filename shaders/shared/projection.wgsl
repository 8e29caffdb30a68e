// A tile of a projection (block.wgsl), which `finish` of the shader ends, four rows of a quad at a time.

fn project_tile(group: vec3<u32>, lane: vec2<u32>) {
    let p = product(group.z, group.x * 4u * TILE_ROWS, group.y * TILE_QUADS, lane);
    let row = 4u * (group.x * TILE_ROWS + lane.x);
    let low = row + 4u * ROW_LANES;
    let quad = group.y * TILE_QUADS + lane.y;
    let right = quad + COLUMN_LANES;
    finish(group.z, row, quad, p.upper);
    if TALL {
        finish(group.z, low, quad, p.lower);
    }
    if WIDE {
        finish(group.z, row, right, p.upper_right);
    }
    if TALL && WIDE {
        finish(group.z, low, right, p.lower_right);
    }
}
