// Householder reflectors of three rows.

// A reflector 1 - tau (1, y, z)(1, y, z)^T and what it makes of the first entry.
struct Reflector {
    beta: real,
    y: real,
    z: real,
    tau: real,
}

fn reflector(x: vec3<real>) -> Reflector {
    let size = abs(x.x) + abs(x.y) + abs(x.z);
    if size <= TINY {
        return Reflector(x.x, 0.0, 0.0, 0.0);
    }
    let u = x * (1.0 / size);
    let norm = sqrt(u.x * u.x + u.y * u.y + u.z * u.z);
    let beta = select(norm, -norm, u.x >= 0.0);
    let inverse = 1.0 / (u.x - beta);
    return Reflector(beta * size, u.y * inverse, u.z * inverse, (beta - u.x) / beta);
}
