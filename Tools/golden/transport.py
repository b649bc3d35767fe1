#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Tests/Golden/Transport: answers by POT and SciPy that FerryOptimalTransport must give, too.

Needs numpy, scipy and POT from PyPI; run from anywhere, with names of sections to write those alone.
One section is one function and one file of the same name; each draws from a seed of its own, so
that a new section changes no other file.
"""
import json
import pathlib
import sys

import numpy as np
import ot
import scipy

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden" / "Transport"
SECTIONS = {}


def section(function):
    SECTIONS[function.__name__] = function
    return function


def cloud(rng, n, m, dimensions, total=1.0):
    """Points in the unit cube and masses; columns' masses add up to `total`."""
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    x, y = rng.random((n, dimensions)), rng.random((m, dimensions))
    return x, y, a / a.sum(), b / b.sum() * total


def as_lists(value):
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, dict):
        return {key: as_lists(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_lists(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


@section
def entropic():
    """Balanced problems: the coupling of POT's log-domain Sinkhorn, and its cost."""
    rng = np.random.default_rng(41)
    cases = []
    for n, m, dimensions, epsilon in [(6, 9, 2, 0.3), (12, 7, 3, 0.05), (8, 8, 1, 0.02)]:
        x, y, a, b = cloud(rng, n, m, dimensions)
        costs = ot.dist(x, y)
        plan = ot.sinkhorn(
            a, b, costs, epsilon, method="sinkhorn_log", numItermax=200000, stopThr=1e-15)
        cases.append({
            "dimensions": dimensions, "epsilon": epsilon, "x": x, "y": y, "a": a, "b": b,
            "coupling": plan, "cost": float((plan * costs).sum())})
    return {"cases": cases}


@section
def unbalanced():
    """Penalized marginals; entropy relative to the product of the masses (`reg_type="kl"`)."""
    rng = np.random.default_rng(42)
    cases = []
    for n, m, epsilon, rho in [(6, 9, 0.1, (1.0, 1.0)), (10, 7, 0.05, (0.3, 2.0))]:
        x, y, a, b = cloud(rng, n, m, 2, total=1.7)
        costs = ot.dist(x, y)
        plan = ot.unbalanced.sinkhorn_unbalanced(
            a, b, costs, epsilon, rho, reg_type="kl", numItermax=1000000, stopThr=1e-15)
        cases.append({
            "kind": "kullbackLeibler", "epsilon": epsilon, "rho": rho, "x": x, "y": y, "a": a,
            "b": b, "coupling": plan})
    for kind, name in [("tv", "totalVariation"), ("l2", "squares")]:
        x, y, a, b = cloud(rng, 6, 8, 2, total=1.4)
        costs = ot.dist(x, y)
        epsilon, rho = 0.1, 0.2 if kind == "tv" else 3.0
        plan = ot.unbalanced.lbfgsb_unbalanced(
            a, b, costs, epsilon, rho, c=a[:, None] * b[None, :], reg_div="kl", regm_div=kind,
            numItermax=100000, stopThr=1e-16)
        value = (plan * costs).sum() + epsilon * (
            (plan * np.log(plan / (a[:, None] * b))).sum() - plan.sum() + a.sum() * b.sum())
        for reached, given in [(plan.sum(1), a), (plan.sum(0), b)]:
            gap = np.abs(reached - given)
            value += rho * (gap.sum() if kind == "tv" else 0.5 * (gap ** 2).sum())
        cases.append({
            "kind": name, "epsilon": epsilon, "rho": (rho, rho), "x": x, "y": y, "a": a, "b": b,
            "value": value})
    return {"cases": cases}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or SECTIONS:
        data = {
            "by": f"POT {ot.__version__}, SciPy {scipy.__version__}, NumPy {np.__version__}",
            **as_lists(SECTIONS[name]())}
        (OUT / f"{name}.json").write_text(json.dumps(data, indent=0) + "\n")
        print(f"{name}: {(OUT / f'{name}.json').stat().st_size} bytes")


if __name__ == "__main__":
    main()
