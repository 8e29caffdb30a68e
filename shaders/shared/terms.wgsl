// Four terms of four columns of a product.
fn terms(w: vec4<f32>, u0: vec4<f32>, u1: vec4<f32>, u2: vec4<f32>, u3: vec4<f32>) -> vec4<f32> {
    return w.x * u0 + w.y * u1 + w.z * u2 + w.w * u3;
}
