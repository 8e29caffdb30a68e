"""The bench's workloads in PyTorch on a CUDA card (or the CPU without one): torch.compile, float32, TF32 off.

Prints JSON objects like with_jax.py; times end with the card idle.

Usage: python benches/peers/with_torch.py [--repetitions 7] [--only linear_sweep,transformer_sweep]
"""
import math
import statistics
import time

import torch

import peer

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.set_float32_matmul_precision("highest")


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def measure(name, shape, members, run, repetitions):
    """One row: two warm-ups, of which the first compiles, and then the repetitions, as many as there is time for."""
    run(), run(), wait()
    wall, _ = peer.repeated(lambda: (run(), wait()), repetitions)
    return dict(name=name, device=f"torch-{DEVICE}", shape=shape, members=members, seconds=statistics.median(wall),
                seconds_min=min(wall), seconds_max=max(wall))


def normal(*shape):
    return torch.randn(*shape, device=DEVICE, generator=torch.Generator(DEVICE).manual_seed(0))


def linear_sweep(members=64, n=64, points=256, depth=80):
    """64 layers of width 64 at 256 grid points for 80 steps, renormalised at every step."""
    a, x0 = normal(members, n, n) / math.sqrt(n), normal(members, n, 1)
    gain = torch.linspace(0.01, 1, points, device=DEVICE)
    keep = 1 - torch.linspace(0, 0.5, points, device=DEVICE)

    @torch.compile(dynamic=False)
    def step(a, x, growth):
        x = keep * x + gain * (a @ x)
        size = torch.linalg.vector_norm(x, dim=1)
        return x / size[:, None, :], growth + torch.log(size)

    def run():
        x, growth = x0.expand(members, n, points).contiguous(), torch.zeros(members, points, device=DEVICE)
        for _ in range(depth):
            x, growth = step(a, x, growth)
        return growth

    return f"width {n}, {points} grid points, {depth} steps", members, run


def transformer_sweep(members=16, d=64, heads=4, tokens=16, points=16, depth=20):
    """16 pre-LN transformer layers at 16 step sizes for 20 steps."""
    wq, wk, wv, wo = (normal(members, d, d) / math.sqrt(d) for _ in range(4))
    w1, w2 = normal(members, d, 4 * d) / math.sqrt(d), normal(members, 4 * d, d) / math.sqrt(4 * d)
    x0 = normal(members, 1, tokens, d)
    h = torch.linspace(0.01, 2, points, device=DEVICE)[None, :, None, None]

    def norm(x):
        return torch.nn.functional.layer_norm(x, (d,))

    def times(x, w):
        return (x.reshape(members, points * tokens, -1) @ w).reshape(members, points, tokens, -1)

    @torch.compile(dynamic=False)
    def step(x):
        y = norm(x)
        # Four dimensions: with five the fused kernels of attention are not taken.
        split = (members * points, tokens, heads, d // heads)
        q, k, v = (times(y, w).reshape(split).transpose(1, 2) for w in (wq, wk, wv))
        z = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + h * times(z.transpose(1, 2).reshape(x.shape), wo)
        return x + h * times(torch.nn.functional.gelu(times(norm(x), w1), approximate="tanh"), w2)

    def run():
        x = x0.expand(members, points, tokens, d).contiguous()
        for _ in range(depth):
            x = step(x)
        return torch.log(torch.linalg.vector_norm(x, dim=(2, 3)))

    return f"width {d}, {tokens} tokens, {heads} heads, {points} step sizes, {depth} steps", members, run


def eigenvalues(n):
    """On the CPU as many matrices as the bench takes there, at most 256. On a card up to 4096, as many as take about half a
    second, by the time of 16: cuSOLVER takes them one by one."""
    members = min(max((1 << 24) // n**3, 16), 256)
    if DEVICE == "cuda":
        few = normal(16, n, n) / math.sqrt(n)
        torch.linalg.eigvals(few), wait()
        start = time.perf_counter()
        torch.linalg.eigvals(few), wait()
        members = min(max(16, int(8 / (time.perf_counter() - start))), 4096)
    a = normal(members, n, n) / math.sqrt(n)
    return f"{n} x {n}", members, lambda: torch.linalg.eigvals(a)


def qr(n=32, members=4096):
    """The orthonormalisation of a Lyapunov step."""
    a = normal(members, n, n)
    return f"{n} x {n}", members, lambda: torch.linalg.qr(a)[1]


WORKLOADS = {
    "linear_sweep": linear_sweep,
    "linear_sweep_1024": lambda: linear_sweep(1024),
    "transformer_sweep": transformer_sweep,
    "transformer_sweep_256": lambda: transformer_sweep(256),
    **{f"eigenvalues_{n}": lambda n=n: eigenvalues(n) for n in (16, 32, 64, 128)},
    "qr": qr,
}


if __name__ == "__main__":
    card = torch.cuda.get_device_name() if DEVICE == "cuda" else "the CPU"
    with torch.no_grad():
        peer.main(__doc__, f"PyTorch {torch.__version__} on {card}", WORKLOADS, measure)
