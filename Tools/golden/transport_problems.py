#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Tests/Golden/Transport/problems.json: POT's answers to problems beside the linear ones.

Needs numpy, scipy and POT from PyPI; run from anywhere. Each case draws from a seed of its own.
"""
import json
import pathlib

import numpy as np
import ot
import ot.coot
import scipy

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "Transport"


def masses(rng, n):
    a = rng.random(n) + 0.1
    return a / a.sum()


def partial():
    rng = np.random.default_rng(1)
    x, y = rng.random((9, 2)), rng.random((7, 2))
    a, b = rng.random(9), rng.random(7)
    costs = ot.dist(x, y)
    mass = 0.6 * min(a.sum(), b.sum())
    exact = ot.partial.partial_wasserstein(a, b, costs, m=mass)
    soft = ot.partial.entropic_partial_wasserstein(
        a, b, costs, 0.05, m=mass, numItermax=100000, stopThr=1e-13)
    return {"x": x, "y": y, "a": a, "b": b, "mass": mass, "cost": (exact * costs).sum(),
            "epsilon": 0.05, "entropic": soft}


def circle():
    rng = np.random.default_rng(2)
    x, y = rng.random(8), rng.random(11)
    a, b = masses(rng, 8), masses(rng, 11)
    return {"x": x, "y": y, "a": a, "b": b,
            "cost1": ot.wasserstein_circle(x, y, a, b, p=1)[0],
            "cost2": ot.wasserstein_circle(x, y, a, b, p=2)[0]}


def gaussian():
    rng = np.random.default_rng(3)
    means = rng.standard_normal((3, 3))
    factors = rng.standard_normal((3, 3, 5))
    covariances = np.einsum("kij,klj->kil", factors, factors)
    weights = np.array([0.2, 0.5, 0.3])
    center = ot.gaussian.bures_wasserstein_barycenter(
        means, covariances, weights, num_iter=10000, eps=1e-15)
    distance = ot.gaussian.bures_wasserstein_distance(
        means[0], means[1], covariances[0], covariances[1])
    return {"means": means, "covariances": covariances, "weights": weights,
            "distance": float(distance), "center": center[0], "spread": center[1]}


def barycenter():
    rng = np.random.default_rng(4)
    points = rng.random((12, 2))
    costs = ot.dist(points, points)
    measures = np.stack([masses(rng, 12) for _ in range(3)])
    weights = np.array([0.2, 0.5, 0.3])
    # The plain method ends elsewhere than POT's two stabilized ones.
    center = ot.bregman.barycenter(
        measures.T, costs, 0.05, weights=weights, numItermax=100000, stopThr=1e-13,
        method="sinkhorn_log")
    return {"points": points, "measures": measures, "weights": weights, "epsilon": 0.05,
            "center": center}


def gromov():
    rng = np.random.default_rng(5)
    x, y = rng.random((9, 3)), rng.random((7, 2))
    a, b = masses(rng, 9), masses(rng, 7)
    one, other = ot.dist(x, x, "euclidean"), ot.dist(y, y, "euclidean")
    features = rng.random((9, 7))
    entropic = ot.gromov.entropic_gromov_wasserstein(
        one, other, a, b, epsilon=0.05, max_iter=10000, tol=1e-14)
    return {"x": x, "y": y, "a": a, "b": b, "features": features,
            "gromov": float(ot.gromov.gromov_wasserstein2(
                one, other, a, b, max_iter=100000, tol_rel=1e-14, tol_abs=1e-14)),
            "fused": float(ot.gromov.fused_gromov_wasserstein2(
                features, one, other, a, b, alpha=0.4, max_iter=100000, tol_rel=1e-14,
                tol_abs=1e-14)),
            "epsilon": 0.05, "entropic": entropic}


def tables():
    rng = np.random.default_rng(6)
    x, y = rng.random((6, 4)), rng.random((8, 5))
    cost = ot.coot.co_optimal_transport2(x, y, nits_bcd=1000, tol_bcd=1e-14)
    return {"x": x, "y": y, "cost": float(cost)}


def weak():
    rng = np.random.default_rng(7)
    x, y = rng.random((8, 2)), rng.random((10, 2))
    a, b = masses(rng, 8), masses(rng, 10)
    plan = ot.weak_optimal_transport(x, y, a, b, numItermax=100000, stopThr=1e-13)
    means = plan @ y / a[:, None]
    return {"x": x, "y": y, "a": a, "b": b, "cost": (a * ((x - means) ** 2).sum(1)).sum()}


def sparse():
    """The dual that POT reaches with at most 8 of 60 entries in each of 10 columns."""
    rng = np.random.default_rng(8)
    centers = rng.standard_normal((10, 4))
    x = centers[np.arange(60) % 10] + 1.5 * rng.standard_normal((60, 4))
    a, b = np.full(60, 1 / 60), np.full(10, 1 / 10)
    costs = ot.dist(x, centers)
    gamma = 0.3 * costs.mean() * 60
    values = {}
    for most in (7, 8, 30):
        plan, log = ot.smooth.smooth_ot_dual(
            a, b, costs, gamma, reg_type="sparsity_constrained", max_nz=most, numItermax=5000,
            stopThr=1e-14, log=True)
        alpha, beta = log["alpha"], log["beta"]
        slack = np.sort(np.maximum(alpha[:, None] + beta[None] - costs, 0), axis=0)[-most:]
        values[f"dual{most}"] = alpha @ a + beta @ b - (slack ** 2).sum() / (2 * gamma)
    return {"x": x, "centers": centers, "gamma": gamma, **values}


def groups():
    rng = np.random.default_rng(9)
    corners = np.array([[0, 0], [2, 0], [0, 2]])
    labels = np.arange(24) % 3
    x = corners[labels] + 0.5 * rng.standard_normal((24, 2))
    y = corners[np.arange(20) % 3] + [0.6, 0.3] + 0.5 * rng.standard_normal((20, 2))
    a, b = np.full(24, 1 / 24), np.full(20, 1 / 20)
    costs = ot.dist(x, y)
    plan = ot.da.sinkhorn_l1l2_gl(
        a, labels, b, costs, 0.2, eta=0.5, numItermax=200, numInnerItermax=20000,
        stopInnerThr=1e-13)
    norms = sum(np.linalg.norm(plan[labels == k], axis=0).sum() for k in range(3))
    entropy = 0.2 * (plan * np.log(plan / np.outer(a, b))).sum()
    return {"x": x, "y": y, "epsilon": 0.2, "strength": 0.5, "norms": norms,
            "objective": (plan * costs).sum() + entropy + 0.5 * norms,
            "error": abs(plan.sum(1) - a).sum() + abs(plan.sum(0) - b).sum()}


def class_roots():
    """POT's coupling after each class's mass in each of 20 targets was linearized nine times."""
    rng = np.random.default_rng(9)
    corners = np.array([[0, 0], [2, 0], [0, 2]])
    labels = np.arange(24) % 3
    x = corners[labels] + 0.5 * rng.standard_normal((24, 2))
    y = corners[np.arange(20) % 3] + [0.6, 0.3] + 0.5 * rng.standard_normal((20, 2))
    a, b = masses(rng, 24), masses(rng, 20)
    costs = ot.dist(x, y)
    plan = ot.da.sinkhorn_lpl1_mm(
        a, labels, b, costs, 0.5, eta=0.3, numInnerItermax=100000, stopInnerThr=1e-14)
    return {"x": x, "y": y, "a": a, "b": b, "epsilon": 0.5, "strength": 0.3,
            "cost": (plan * costs).sum(),
            "classes": np.array([plan[labels == k].sum(0) for k in range(3)])}


def low_rank_gromov():
    rng = np.random.default_rng(10)
    corners = np.array([[0, 0], [3, 0], [0, 5]])
    x = corners[np.arange(30) % 3] + 0.3 * rng.standard_normal((30, 2))
    y = (corners[np.arange(24) % 3] + 0.3 * rng.standard_normal((24, 2))) @ np.array(
        [[0.6, 0.8], [-0.8, 0.6]])
    costs = []
    for seed in range(5):
        q, r, g = ot.gromov.lowrank_gromov_wasserstein_samples(
            x, y, rank=3, numItermax=1000, numItermax_dykstra=3000, seed_init=seed)
        plan = q @ np.diag(1 / g) @ r.T
        one, other = ot.dist(x, x), ot.dist(y, y)
        a, b = plan.sum(1), plan.sum(0)
        costs.append(a @ one ** 2 @ a + b @ other ** 2 @ b - 2 * (plan * (one @ plan @ other)).sum())
    return {"x": x, "y": y, "best": min(costs), "mean": np.mean(costs)}


def as_lists(value):
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    sections = [partial, circle, gaussian, barycenter, gromov, tables, weak, sparse, groups,
                class_roots, low_rank_gromov]
    data = {"by": f"POT {ot.__version__}, SciPy {scipy.__version__}, NumPy {np.__version__}"}
    data.update({section.__name__: as_lists(section()) for section in sections})
    (OUT / "problems.json").write_text(json.dumps(data, indent=0) + "\n")
    print(f"problems: {(OUT / 'problems.json').stat().st_size} bytes")


if __name__ == "__main__":
    main()
