#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lewis weights in NumPy and SciPy, the same damped iteration, to compare with `lode bench --lewis`.

    tools/bench/lewis_peer.py [--rows N] [--width D] [--p P] [--type float32|float64] [--rounds N]
                              [--write FILE.npy]

Of its two ways to whiten, SciPy's triangular solve and a product with the inverse, the faster one
counts. The matrix is in memory, products are as BLAS likes them, temporaries are reused. --write
saves the features instead, block by block. OPENBLAS_NUM_THREADS sets the threads. Prints JSON.
"""
import argparse
import json
import time

import numpy
from numpy.lib.format import open_memmap
from scipy.linalg import cholesky, solve_triangular
from scipy.linalg.blas import strsm, dtrsm

BLOCK = 50000


def features(rng, rows, width, dtype):
    length = numpy.exp(0.5 * rng.standard_normal((rows, 1)))
    return (length * (rng.random((rows, width)) + rng.random((rows, width)) - 1)).astype(dtype)


def whiten(a, factor, how, out):
    if how == "inverse":
        inverse = solve_triangular(factor, numpy.eye(len(factor), dtype=factor.dtype))
        return numpy.dot(a, inverse, out=out)
    numpy.copyto(out, a)
    solve = strsm if a.dtype == numpy.float32 else dtrsm
    # out is n × d in C order, so out.T is Fortran's: Rᵀ X = outᵀ, in place
    return solve(1.0, factor.T, out.T, lower=1, overwrite_b=1).T


def lewis(a, p, tolerance, how):
    n, d = a.shape
    eta = 4 / (p + 2)
    w = numpy.full(n, d / n)
    scaled = numpy.empty_like(a)
    gram = a.T @ a  # symmetric: NumPy calls SYRK
    factor = cholesky(gram * (d / n) ** (1 - 2 / p), check_finite=False).astype(a.dtype)
    passes = 1
    while True:
        z = whiten(a, factor, how, scaled)
        tau = numpy.einsum("ij,ij->i", z, z).astype(numpy.float64)
        miss = p / 2 * numpy.log(tau) - numpy.log(w)
        w *= numpy.exp(eta * miss)
        passes += 1
        if numpy.abs(miss).max() <= tolerance:
            return w, passes
        numpy.multiply(a, (w ** (0.5 - 1 / p)).astype(a.dtype)[:, None], out=scaled)
        factor = cholesky(scaled.T @ scaled, check_finite=False).astype(a.dtype)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--p", type=float, default=1)
    parser.add_argument("--type", choices=("float32", "float64"), default="float32")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--write")
    args = parser.parse_args()
    rng = numpy.random.default_rng(1)
    if args.write:
        out = open_memmap(args.write, "w+", numpy.float32, (args.rows, args.width))
        for first in range(0, args.rows, BLOCK):
            out[first : first + BLOCK] = features(rng, min(BLOCK, args.rows - first), args.width, numpy.float32)
        return
    a = features(rng, args.rows, args.width, numpy.float32).astype(args.type)
    found = []
    for how in ("inverse", "solve"):
        for _ in range(args.rounds):
            begin = time.perf_counter()
            w, passes = lewis(a, args.p, args.tolerance, how)
            found.append((time.perf_counter() - begin, how))
    seconds, how = min(found)
    # The last pass has no Gram matrix.
    print(
        json.dumps(
            {
                "n": args.rows,
                "d": args.width,
                "p": args.p,
                "type": args.type,
                "how": how,
                "passes": passes,
                "seconds": round(seconds, 4),
                "sum": float(w.sum()),
            }
        )
    )


main()
