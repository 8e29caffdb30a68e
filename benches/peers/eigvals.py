"""Peer: LAPACK's eigenvalues (numpy.linalg.eigvals, one thread) of the matrices of benches/eigen.rs.
numpy computes f32 in f64 and rounds, so LAPACK's own single precision (scipy's sgeev, a call per matrix) stands beside it.
Prints time per matrix in microseconds (best of many) and the largest error over the spectral radius, against f64.
Run:  env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS=1 python benches/peers/eigvals.py"""
import time
import numpy as np
from scipy.linalg import lapack

def direct(a):
    """?geev in the type of the matrices, one call each."""
    geev = lapack.sgeev if a.dtype == np.float32 else lapack.dgeev
    parts = [geev(m, compute_vl=0, compute_vr=0)[:2] for m in a]
    return np.array([re + 1j * im.astype(np.float64) for re, im in parts])

def best(solve, a):
    least = np.inf
    for _ in range(7):
        start = time.perf_counter()
        values = solve(a)
        least = min(least, time.perf_counter() - start)
    return least / len(a) * 1e6, values

def unit(counter):
    with np.errstate(over="ignore"):
        z = (counter + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53

def ginibre(n, count):
    entries = unit(np.arange(count * n * n, dtype=np.uint64))
    return ((entries - 0.5) * np.sqrt(12.0 / n)).reshape(count, n, n)

def worst(computed, exact):
    most = 0.0
    for c, e in zip(computed, exact):
        distance = np.abs(c[:, None] - e[None, :]).min(axis=1).max()
        most = max(most, distance / np.abs(e).max())
    return most

print(f"{'n':>4} {'type':>4} {'numpy us':>10} {'err':>9} {'?geev us':>10} {'err':>9}")
for n, count in ((4, 4096), (8, 2048), (16, 1024), (32, 256), (64, 64), (128, 16), (256, 4)):
    for dtype in (np.float32, np.float64):
        a = ginibre(n, count).astype(dtype)
        exact = np.linalg.eigvals(a[:16].astype(np.float64))
        row = f"{n:>4} {'f32' if dtype == np.float32 else 'f64':>4}"
        for solve in (np.linalg.eigvals, direct):
            time_per_matrix, values = best(solve, a)
            row += f" {time_per_matrix:>10.2f} {worst(values[:16], exact):>9.1e}"
        print(row)
