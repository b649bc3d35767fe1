#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Optimal transport by Ferry, POT, OTT, SciPy and regot on the same inputs, in one run.

Writes inputs as .npy, lets Ferry's benchmark read them (`swift test --filter TransportPeers`), times the
peers that are installed, and prints one line a case: seconds of each, medians, and the marginal error
each reached. Costs are worked out within Ferry's time and before the peers'. `transport-peers.sh`
calls it; names of cases choose some.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads=2")
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLOW = 8.0  # seconds: what takes longer is timed once


def peer(name):
    try:
        return __import__(name)
    except ImportError:
        print(f"{name} is not installed: left out", file=sys.stderr)
        return None


ot = peer("ot")
regot = peer("regot")
ott = peer("ott")


def cases(rng):
    """name -> (arrays, numbers): arrays go to files, numbers to cases.json."""
    out = {}
    for n in (1000, 4000):
        x, y = rng.random((n, 2)), rng.random((n, 2))
        mean = float(((x[:, None] - y[None]) ** 2).sum(-1).mean()) if n < 2000 else 1 / 3
        for share in (0.1, 0.01, 0.001):
            if n == 4000 and share == 0.001:
                continue
            out[f"sinkhorn {n} {share}"] = (
                {"x": x, "y": y}, {"epsilon": share * mean, "tolerance": 1e-6})
    n = 1000
    x, y = rng.random((n, 2)), rng.random((n, 2))
    mean = float(((x[:, None] - y[None]) ** 2).sum(-1).mean())
    out["newton random 500"] = (
        {"costs": rng.random((500, 500))}, {"epsilon": 1 / 1200, "tolerance": 1e-9})
    out["newton cloud 1000"] = ({"x": x, "y": y}, {"epsilon": 0.001 * mean, "tolerance": 1e-9})
    out["unbalanced 1000"] = (
        {"x": x, "y": y}, {"epsilon": 0.01 * mean, "rho": 1.0, "tolerance": 1e-6})
    points = rng.random((2, 1000, 64, 2))
    batch = ((points[0][:, :, None] - points[1][:, None]) ** 2).sum(-1)
    out["batch 1000 x 64"] = (
        {"costs": batch}, {"epsilon": 0.1 * float(batch.mean()), "tolerance": 1e-6})
    out["exact batch 1000 x 64"] = ({"costs": batch}, {})
    return out


def timed(function):
    seconds = []
    while len(seconds) < 3:
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
        if seconds[-1] > SLOW:
            break
    return statistics.median(seconds), result


def marginal_error(plan, a, b):
    return float(np.abs(plan.sum(1) - a).sum() + np.abs(plan.sum(0) - b).sum())


def balanced(name, costs, epsilon, tolerance, small):
    """Plain and log-domain Sinkhorn of the peers; OTT's in f64, compiled before it is timed."""
    n, m = costs.shape
    a, b = np.full(n, 1 / n), np.full(m, 1 / m)
    stop = tolerance / np.sqrt(n)  # POT stops on the L2 norm
    if ot:
        for method in ("sinkhorn", "sinkhorn_log") if small else ("sinkhorn",):
            seconds, plan = timed(lambda: ot.sinkhorn(
                a, b, costs, epsilon, method=method, stopThr=stop, warn=False,
                numItermax=20000 if method == "sinkhorn" else 1000))
            yield f"POT {method}", seconds, marginal_error(plan, a, b)
    if ott and small:
        import jax
        jax.config.update("jax_enable_x64", True)
        from ott.geometry import geometry
        from ott.problems.linear import linear_problem
        from ott.solvers.linear import sinkhorn
        solver = jax.jit(lambda c: sinkhorn.Sinkhorn(
            threshold=tolerance, max_iterations=20000, norm_error=1)(linear_problem.LinearProblem(
                geometry.Geometry(cost_matrix=c, epsilon=epsilon))))
        out = solver(costs)
        seconds, out = timed(lambda: jax.block_until_ready(solver(costs)))
        yield "OTT log", seconds, marginal_error(np.asarray(out.matrix), a, b)


def peers(name, arrays, numbers):
    kind = name.split()[0]
    if "x" in arrays:
        costs = ((arrays["x"][:, None] - arrays["y"][None]) ** 2).sum(-1)
    else:
        costs = arrays["costs"]
    if kind == "sinkhorn":
        yield from balanced(
            name, costs, numbers["epsilon"], numbers["tolerance"], len(costs) <= 1000)
    elif kind == "newton":
        n, m = costs.shape
        costs = np.asfortranarray(costs)
        a, b = np.full(n, 1 / n), np.full(m, 1 / m)
        if regot:
            for method in ("sinkhorn_ssns", "sinkhorn_splr"):
                seconds, result = timed(lambda: getattr(regot, method)(
                    costs, a, b, numbers["epsilon"], tol=numbers["tolerance"] / np.sqrt(n), max_iter=1000))
                yield f"regot {method[9:]}", seconds, marginal_error(result.plan, a, b)
    elif kind == "unbalanced" and ot:
        n, m = costs.shape
        a, b = np.full(n, 1 / n), np.full(m, 1 / m)
        for method in ("sinkhorn", "sinkhorn_translation_invariant"):
            seconds, plan = timed(lambda: ot.unbalanced.sinkhorn_unbalanced(
                a, b, costs, numbers["epsilon"], numbers["rho"], method=method, reg_type="kl",
                numItermax=20000, stopThr=1e-9))
            yield f"POT {method.removeprefix('sinkhorn_')}", seconds, float(plan.sum())
    elif kind == "batch" and ot:
        a = np.full(64, 1 / 64)
        seconds, _ = timed(lambda: [
            ot.sinkhorn(a, a, c, numbers["epsilon"], stopThr=numbers["tolerance"] / 8, warn=False)
            for c in costs])
        yield "POT sinkhorn", seconds, float("nan")
    elif kind == "exact" and ot:
        a = np.full(64, 1 / 64)
        seconds, _ = timed(lambda: [ot.emd(a, a, c) for c in costs])
        yield "POT emd", seconds, float("nan")
        from scipy.optimize import linear_sum_assignment
        seconds, _ = timed(lambda: [linear_sum_assignment(c) for c in costs])
        yield "SciPy", seconds, float("nan")


def ferry(folder, suite="TransportPeers"):
    environment = {
        **os.environ, "FERRY_TRANSPORT_FOLDER": str(folder), "FERRY_ROOM": "OptimalTransport"}
    command = ["swift", "test", "-c", "release", "--filter", suite]
    if os.environ.get("FERRY_SKIP_BUILD"):
        command.append("--skip-build")
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in run.stdout.splitlines() if line.startswith('{"case"')]
    if not lines:
        sys.exit(run.stdout + run.stderr)
    return {entry["case"]: entry for entry in map(json.loads, lines)}


def main():
    chosen = {
        name: case for name, case in cases(np.random.default_rng(7)).items()
        if not sys.argv[1:] or any(word in name for word in sys.argv[1:])}
    with tempfile.TemporaryDirectory() as folder:
        for k, (name, (arrays, numbers)) in enumerate(chosen.items()):
            for key, array in arrays.items():
                np.save(pathlib.Path(folder) / f"{k}-{key}.npy", np.ascontiguousarray(array))
        listing = [
            {"name": name, "file": str(k), **numbers}
            for k, (name, (_, numbers)) in enumerate(chosen.items())]
        (pathlib.Path(folder) / "cases.json").write_text(json.dumps(listing))
        ours = ferry(folder)
    for name, (arrays, numbers) in chosen.items():
        own = ours[name]
        cells = [f"Ferry {own['seconds']:.4f} s ({own['reached']:.2g})"]
        for by, seconds, reached in peers(name, arrays, numbers):
            cells.append(f"{by} {seconds:.4f} s ({reached:.2g}), {seconds / own['seconds']:.1f}x")
        print(f"{name}: " + "; ".join(cells), flush=True)


if __name__ == "__main__":
    main()
