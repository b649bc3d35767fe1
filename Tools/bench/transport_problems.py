#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exact transport, lines, barycenters and Gromov-Wasserstein by Ferry, POT and SciPy on the same inputs.

Writes inputs as .npy, lets Ferry's benchmark read them (`swift test --filter ProblemPeers`), times the
peers that are installed, and prints one line a case: seconds of each (medians) and the cost each
reached. Ferry's time holds its certificate and, from points, its costs; the peers' costs are worked
out before. `transport-problems.sh` calls it; names of cases choose some.
"""
import json
import pathlib
import sys
import tempfile

import transport_peers as shared
from transport_peers import np, ot, timed


def shapes():
    """A disk, a ring, a cross and a square on a grid of 64 x 64."""
    at = np.linspace(0, 1, 64)
    x, y = np.meshgrid(at, at, indexing="ij")
    radius = np.hypot(x - 0.5, y - 0.5)
    all = [radius < 0.3, (radius < 0.4) & (radius > 0.25),
           (np.abs(x - 0.5) < 0.08) | (np.abs(y - 0.5) < 0.08),
           (np.abs(x - 0.5) < 0.3) & (np.abs(y - 0.5) < 0.3)]
    pictures = np.stack([shape.astype(float) + 1e-9 for shape in all])
    return pictures / pictures.sum((1, 2), keepdims=True)


def cases(rng):
    out = {}
    for n, d in [(1000, 2), (1000, 10), (5000, 2), (5000, 10), (20000, 2)]:
        out[f"assignment {n} {d}-D"] = {"x": rng.random((n, d)), "y": rng.random((n, d))}
    for n, m, d in [(1000, 1000, 2), (5000, 5000, 2), (5000, 5000, 10), (2000, 5000, 3)]:
        a, b = rng.uniform(0.1, 1, n), rng.uniform(0.1, 1, m)
        out[f"simplex {n} x {m} {d}-D"] = {
            "x": rng.random((n, d)), "y": rng.random((m, d)), "a": a / a.sum(), "b": b / b.sum()}
    out["line 1000000"] = {"x": rng.random((1000000, 1)), "y": rng.random((1000000, 1))}
    out["circle 100000"] = {"x": rng.random((100000, 1)), "y": rng.random((100000, 1))}
    out["sliced 10000 x 50 x 500"] = {"x": rng.random((10000, 50)), "y": rng.random((10000, 50))}
    out["gromov 200"] = {"x": rng.random((200, 3)), "y": rng.random((200, 2))}
    out["barycenter 64 x 64"] = {"pictures": shapes()}
    a, b = rng.uniform(0.1, 1, 1000), rng.uniform(0.1, 1, 1000)
    out["partial 1000"] = {
        "x": rng.random((1000, 2)), "y": rng.random((1000, 2)), "a": a / a.sum(), "b": b / b.sum()}
    return out


def peers(name, arrays):
    kind = name.split()[0]
    if ot is None:
        return
    if kind in ("assignment", "simplex", "partial"):
        x, y = arrays["x"], arrays["y"]
        if len(x) > 5000:
            return  # 3.2 GB of costs
        costs = ot.dist(x, y)
        a = arrays.get("a", np.full(len(x), 1 / len(x)))
        b = arrays.get("b", np.full(len(y), 1 / len(y)))
        if kind == "partial":
            seconds, plan = timed(lambda: ot.partial.partial_wasserstein(a, b, costs, m=0.5))
            yield "POT", seconds, float((plan * costs).sum())
            return
        seconds, cost = timed(lambda: ot.emd2(a, b, costs, numItermax=10**8))
        yield "POT emd", seconds, float(cost)
        if kind == "assignment":
            from scipy.optimize import linear_sum_assignment

            def scipy():
                rows, columns = linear_sum_assignment(costs)
                return costs[rows, columns].mean()
            seconds, cost = timed(scipy)
            yield "SciPy", seconds, float(cost)
    elif kind == "line":
        x, y = arrays["x"][:, 0], arrays["y"][:, 0]
        for by, function in [("POT wasserstein_1d", lambda: ot.wasserstein_1d(x, y, p=2)),
                             ("POT emd2_1d", lambda: ot.emd2_1d(x, y))]:
            seconds, cost = timed(function)
            yield by, seconds, float(cost)
    elif kind == "circle":
        seconds, cost = timed(
            lambda: ot.wasserstein_circle(arrays["x"][:, 0], arrays["y"][:, 0], p=2))
        yield "POT", seconds, float(cost[0])
    elif kind == "sliced":
        seconds, distance = timed(lambda: ot.sliced_wasserstein_distance(
            arrays["x"], arrays["y"], n_projections=500, seed=1))
        yield "POT", seconds, float(distance) ** 2
    elif kind == "gromov":
        one, other = (ot.dist(arrays[key], arrays[key], "euclidean") for key in "xy")
        seconds, cost = timed(lambda: ot.gromov.gromov_wasserstein2(one, other))
        yield "POT", seconds, float(cost)
    elif kind == "barycenter":
        for method in ("sinkhorn", "sinkhorn_log"):
            (seconds, result) = timed(lambda: ot.bregman.convolutional_barycenter2d(
                arrays["pictures"], 0.004, method=method, stopThr=1e-4, warn=False))
            yield f"POT {method}", seconds, float(result.max())


def main():
    chosen = {
        name: arrays for name, arrays in cases(np.random.default_rng(7)).items()
        if not sys.argv[1:] or any(word in name for word in sys.argv[1:])}
    with tempfile.TemporaryDirectory() as folder:
        for k, (name, arrays) in enumerate(chosen.items()):
            for key, array in arrays.items():
                np.save(pathlib.Path(folder) / f"{k}-{key}.npy", np.ascontiguousarray(array))
        listing = [{"name": name, "file": str(k)} for k, name in enumerate(chosen)]
        (pathlib.Path(folder) / "cases.json").write_text(json.dumps(listing))
        ours = shared.ferry(folder, "ProblemPeers")
    for name, arrays in chosen.items():
        own = ours[name]
        cells = [f"Ferry {own['seconds']:.4f} s ({own['reached']:.6g})"]
        for by, seconds, reached in peers(name, arrays):
            cells.append(f"{by} {seconds:.4f} s ({reached:.6g}), {seconds / own['seconds']:.1f}x")
        print(f"{name}: " + "; ".join(cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())
