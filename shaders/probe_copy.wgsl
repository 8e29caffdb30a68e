// Copies numbers: the memory ceiling of the roofline.
//
// Four vectors for each invocation, and none is written before all are asked for; neighbours lie side by side. With one
// vector each, a card would be busier handing out workgroups than copying.
// CPU twin: src/kernel/probe_copy.rs.

struct Params {
    length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;           // [members, length / 4]
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;   // [members, length / 4]

@compute @workgroup_size(256, 1, 1)
fn probe_copy(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let quads = params.length / 4u;
    let place = group.x * 1024u + lane;
    let first = group.y * quads + place;
    if place + 768u < quads {
        let a = x[first];
        let b = x[first + 256u];
        let c = x[first + 512u];
        let d = x[first + 768u];
        out[first] = a;
        out[first + 256u] = b;
        out[first + 512u] = c;
        out[first + 768u] = d;
        return;
    }
    if place < quads {
        out[first] = x[first];
    }
    if place + 256u < quads {
        out[first + 256u] = x[first + 256u];
    }
    if place + 512u < quads {
        out[first + 512u] = x[first + 512u];
    }
}
