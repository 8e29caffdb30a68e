// Squared norms of the columns of a tile (block.wgsl), from what each row lane has of them, in a fixed order.

var<workgroup> partial: array<vec4<f32>, TILE_QUADS * ROW_LANES>;    // [quads of the tile, ROW_LANES]

// That of column `i` of the tile.
fn column_square(i: u32) -> f32 {
    var sum = 0.0;
    for (var j = 0u; j < ROW_LANES; j += 1u) {
        sum += partial[(i / 4u) * ROW_LANES + j][i % 4u];
    }
    return sum;
}
