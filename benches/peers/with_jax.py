"""The bench's workloads as a Python user would write them with JAX: jit, float32, on a card if JAX sees one, else on all
cores (JAX_PLATFORMS=cpu insists on them).

Prints a JSON object for every workload as it is done: {peer, name, device, shape, members, seconds, processor_seconds}.
`seconds` is the median of the repetitions, `seconds_min` the fastest, `processor_seconds` the least that all threads
together had a core, which other programs on the machine disturb less.

Usage: python benches/peers/with_jax.py [--repetitions 7] [--only linear_sweep,transformer_sweep]
"""
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

import peer

jax.config.update("jax_default_matmul_precision", "highest")  # a card rounds to TF32 otherwise
KEY = jax.random.PRNGKey(0)
ON_CARD = jax.default_backend() != "cpu"


def measure(name, shape, members, run, repetitions):
    """One row: a warm-up, which compiles, and then the repetitions, as many as there is time for."""
    run()
    wall, processor = peer.repeated(run, repetitions)
    return dict(name=name, device=f"jax-{jax.default_backend()}", shape=shape, members=members, seconds=statistics.median(wall),
                seconds_min=min(wall), seconds_max=max(wall), processor_seconds=min(processor))


def linear_sweep(members=64, n=64, points=256, depth=80):
    """64 layers of width 64 at 256 grid points for 80 steps, renormalised at every step."""
    a = jax.random.normal(KEY, (members, n, n)) / np.sqrt(n)
    x0 = jax.random.normal(KEY, (members, n, 1))
    gain, damping = jnp.linspace(0.01, 1, points), jnp.linspace(0, 0.5, points)

    @jax.jit
    def run(a, x0):
        def step(carry, _):
            x, growth = carry
            x = (1 - damping) * x + gain * (a @ x)
            size = jnp.linalg.norm(x, axis=1)
            return (x / size[:, None, :], growth + jnp.log(size)), None

        start = (jnp.broadcast_to(x0, (members, n, points)), jnp.zeros((members, points)))
        return jax.lax.scan(step, start, None, length=depth)[0][1]

    return f"width {n}, {points} grid points, {depth} steps", members, lambda: run(a, x0).block_until_ready()


def transformer_sweep(members=16, d=64, heads=4, tokens=16, points=16, depth=20):
    """16 pre-LN transformer layers at 16 step sizes for 20 steps."""
    keys = jax.random.split(KEY, 7)
    square = [jax.random.normal(keys[i], (members, d, d)) / np.sqrt(d) for i in range(4)]
    w1 = jax.random.normal(keys[4], (members, d, 4 * d)) / np.sqrt(d)
    w2 = jax.random.normal(keys[5], (members, 4 * d, d)) / np.sqrt(4 * d)
    x0 = jax.random.normal(keys[6], (members, 1, tokens, d))
    h = jnp.linspace(0.01, 2, points)[None, :, None, None]

    def norm(x):
        return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)

    def times(x, w):
        return jnp.einsum("bgtd,bde->bgte", x, w)

    @jax.jit
    def run(x0, wq, wk, wv, wo, w1, w2):
        def step(x, _):
            y = norm(x)
            q, k, v = [times(y, w).reshape(members, points, tokens, heads, d // heads) for w in (wq, wk, wv)]
            p = jax.nn.softmax(jnp.einsum("bgthe,bgshe->bghts", q, k) / np.sqrt(d // heads), -1)
            x = x + h * times(jnp.einsum("bghts,bgshe->bgthe", p, v).reshape(x.shape), wo)
            return x + h * times(jax.nn.gelu(times(norm(x), w1)), w2), None

        x = jax.lax.scan(step, jnp.broadcast_to(x0, (members, points, tokens, d)), None, length=depth)[0]
        return jnp.log(jnp.linalg.norm(x, axis=(2, 3)))

    shape = f"width {d}, {tokens} tokens, {heads} heads, {points} step sizes, {depth} steps"
    return shape, members, lambda: run(x0, *square, w1, w2).block_until_ready()


def eigenvalues(n):
    """On the CPU as many matrices as the bench takes there, at most 256: JAX needs seconds for more. On a card up to 4096,
    as many as take about a second, by the time of 16."""
    run = jax.jit(jnp.linalg.eigvals)
    draw = lambda members: (np.random.default_rng(0).standard_normal((members, n, n)) / np.sqrt(n)).astype(np.float32)
    members = min(max((1 << 24) // n**3, 16), 256)
    if ON_CARD:
        few = draw(16)
        run(few).block_until_ready()
        start = time.perf_counter()
        run(few).block_until_ready()
        members = min(max(16, int(16 / (time.perf_counter() - start))), 4096)
    a = draw(members)
    return f"{n} x {n}", members, lambda: run(a).block_until_ready()


def qr(n=32, members=4096):
    """The orthonormalisation of a Lyapunov step."""
    a = jax.random.normal(KEY, (members, n, n))
    run = jax.jit(lambda a: jnp.linalg.qr(a)[1])
    return f"{n} x {n}", members, lambda: run(a).block_until_ready()


def checkpoint_layer(what="layer", layers=4, n=576, heads=9, shared=3, hidden=1536, tokens=9):
    """The step of a Llama layer of SmolLM2's form at all tokens, its Jacobian at the last one, and what LAPACK says of it."""
    d, keys = n // heads, jax.random.split(KEY, 8)
    drawn = lambda key, rows, inner: jax.random.normal(key, (rows, inner)) / np.sqrt(inner)
    rows = dict(q=(n, n), k=(shared * d, n), v=(shared * d, n), o=(n, n), gate=(hidden, n), up=(hidden, n), down=(n, hidden))
    weights = {name: drawn(key, *size) for key, (name, size) in zip(keys, rows.items())}
    x = jax.random.normal(keys[7], (tokens, n))
    angle = np.arange(tokens)[:, None] * 1e5 ** (-np.arange(0, d, 2) / d)
    cosine, sine = jnp.asarray(np.cos(angle)[:, None]), jnp.asarray(np.sin(angle)[:, None])
    mask = np.tril(np.ones((tokens, tokens), bool))

    def norm(x):
        return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)

    def turned(x):
        a, b = jnp.split(x, 2, -1)
        return jnp.concatenate([a * cosine - b * sine, a * sine + b * cosine], -1)

    def layer(own, x):
        y = norm(x)
        split = lambda name, count: (y @ own[name].T).reshape(tokens, count, d)
        q, k, v = turned(split("q", heads)), turned(split("k", shared)), split("v", shared)
        k, v = (jnp.repeat(part, heads // shared, 1) for part in (k, v))
        scores = jnp.where(mask, jnp.einsum("thd,shd->hts", q, k) / np.sqrt(d), -jnp.inf)
        seen = jnp.einsum("hts,shd->thd", jax.nn.softmax(scores, -1), v).reshape(tokens, n)
        x = x + seen @ own["o"].T
        y = norm(x)
        return x + (jax.nn.silu(y @ own["gate"].T) * (y @ own["up"].T)) @ own["down"].T

    step = jax.jit(layer)
    jacobian = jax.jit(jax.jacfwd(lambda own, x, end: layer(own, x.at[-1].set(end))[-1], argnums=2))

    def spectrum():
        matrix = np.asarray(jacobian(weights, x, x[-1]))
        return np.linalg.eigvals(matrix), np.linalg.svd(matrix, compute_uv=False)

    run = {
        "layer": lambda: step(weights, x).block_until_ready(),
        "jacobian": lambda: jacobian(weights, x, x[-1]).block_until_ready(),
        "spectrum": spectrum,
    }[what]
    return f"width {n}, {tokens} tokens, grouped queries, gated units", layers, lambda: [run() for _ in range(layers)]


WORKLOADS = {
    "linear_sweep": linear_sweep,
    "linear_sweep_1024": lambda: linear_sweep(1024),
    "transformer_sweep": transformer_sweep,
    "transformer_sweep_256": lambda: transformer_sweep(256),
    **{f"eigenvalues_{n}": lambda n=n: eigenvalues(n) for n in (16, 32, 64, 128)},
    "qr": qr,
    **{f"checkpoint_{what}": lambda what=what: checkpoint_layer(what) for what in ("layer", "jacobian", "spectrum")},
}


if __name__ == "__main__":
    peer.main(__doc__, f"JAX {jax.__version__} on {jax.devices()[0].device_kind}", WORKLOADS, measure)
