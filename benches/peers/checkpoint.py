"""The Jacobians of every layer of a Llama model in GGUF at the last token, by JAX in f64 or f32, and their eigenvalues by LAPACK.

What `eulerscope spectrum --checkpoint FILE.gguf --token-ids .. --derived none` does. Needs jax, numpy and gguf:

    python benches/peers/checkpoint.py FILE.gguf 36971,1701,18593,314,1070,30,18593,314,253 [float32|float64]
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from gguf import GGUFReader, dequantize

path, ids = sys.argv[1], np.array([int(i) for i in sys.argv[2].split(",")])
dtype = sys.argv[3] if len(sys.argv) > 3 else "float32"
jax.config.update("jax_enable_x64", dtype == "float64")

reader = GGUFReader(path)
field = lambda name: reader.fields["llama." + name].contents()
heads, shared = field("attention.head_count"), field("attention.head_count_kv")
epsilon, base = field("attention.layer_norm_rms_epsilon"), field("rope.freq_base")
depth, width = field("block_count"), field("embedding_length")
head = width // heads

start = time.perf_counter()
weights = {t.name: jnp.asarray(dequantize(t.data, t.tensor_type).reshape(t.shape[::-1]), dtype) for t in reader.tensors}
print(f"weights: {time.perf_counter() - start:.2f} s")

tokens = len(ids)
angle = np.arange(tokens)[:, None] * base ** (-np.arange(0, head, 2) / head)
cosine, sine = jnp.asarray(np.cos(angle)[:, None], dtype), jnp.asarray(np.sin(angle)[:, None], dtype)
mask = np.tril(np.ones((tokens, tokens), bool))


def norm(x, gain):
    return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * gain


def turned(x):
    a, b = x[..., 0::2], x[..., 1::2]
    return jnp.stack([a * cosine - b * sine, a * sine + b * cosine], -1).reshape(x.shape)


def layer(own, x):
    y = norm(x, own["attn_norm"])
    split = lambda name, count: (y @ own[name].T).reshape(tokens, count, head)
    q, k, v = turned(split("attn_q", heads)), turned(split("attn_k", shared)), split("attn_v", shared)
    k, v = (jnp.repeat(part, heads // shared, 1) for part in (k, v))
    scores = jnp.where(mask, jnp.einsum("thd,shd->hts", q, k) / head**0.5, -jnp.inf)
    seen = jnp.einsum("hts,shd->thd", jax.nn.softmax(scores, -1), v).reshape(tokens, heads * head)
    x = x + seen @ own["attn_output"].T
    y = norm(x, own["ffn_norm"])
    return x + (jax.nn.silu(y @ own["ffn_gate"].T) * (y @ own["ffn_up"].T)) @ own["ffn_down"].T


def last(own, x, end):
    return layer(own, x.at[-1].set(end))[-1]


def of_layer(number):
    prefix = f"blk.{number}."
    return {name[len(prefix) : -7]: value for name, value in weights.items() if name.startswith(prefix)}


step, jacobian = jax.jit(layer), jax.jit(jax.jacfwd(last, argnums=2))
x = weights["token_embd.weight"][ids]
# Compiled once, outside of the clock.
jacobian(of_layer(0), x, x[-1]).block_until_ready(), step(of_layer(0), x).block_until_ready()

start = time.perf_counter()
jacobians = []
for number in range(depth):
    own = of_layer(number)
    jacobians.append(np.asarray(jacobian(own, x, x[-1])))
    x = step(own, x)
print(f"Jacobians: {time.perf_counter() - start:.2f} s")

start = time.perf_counter()
radii = [np.abs(np.linalg.eigvals(matrix)).max() for matrix in jacobians]
print(f"eigenvalues: {time.perf_counter() - start:.2f} s, radii {radii[0]:.4f} .. {radii[-1]:.4f}")

start = time.perf_counter()
np.linalg.svd(np.stack(jacobians), compute_uv=False)
print(f"singular values: {time.perf_counter() - start:.2f} s")
