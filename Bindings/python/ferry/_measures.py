# SPDX-License-Identifier: Apache-2.0
"""More than two measures: means, clusters and common couplings, as ``ferry.ot`` gives them."""

import ctypes

import numpy as np

from ferry._library import _call
from ferry._transport import _array, _at, _Certificate, _masses, _settings


def barycenter(A, M, reg, weights=None, numItermax=10_000, stopThr=1e-6):
    """The masses whose mean entropic cost to the columns of ``A`` [n, k] is least; ``M`` [n, n]."""
    measures, costs = _array(np.asarray(A).T, "A", 2), _array(M, "M", 2)
    count, n = measures.shape
    if costs.shape != (n, n):
        raise ValueError(f"M has the shape {costs.shape} for {n} points")
    weights = _masses(weights, count, "weights")
    masses = np.empty(n)
    _call(
        "ot_barycenter", _at(costs), n, _at(measures), count, _at(weights),
        _settings("sinkhorn", reg, stopThr, numItermax), _at(masses))
    return masses


def convolutional_barycenter2d(A, reg, weights=None, numItermax=10_000, stopThr=1e-6):
    """The same of pictures [k, rows, columns] on a grid whose longer side has a length of 1."""
    pictures = _array(A, "A", 3)
    weights = _masses(weights, len(pictures), "weights")
    masses = np.empty(pictures.shape[1:])
    _call(
        "ot_picture_barycenter", _at(pictures), *pictures.shape, _at(weights),
        _settings("sinkhorn", reg, stopThr, numItermax), _at(masses))
    return masses


def free_support_barycenter(measures_locations, measures_weights, X_init, b=None, weights=None,
                            numItermax=200, stopThr=1e-7, reg=None, log=False):
    """Points [s, d] with masses ``b`` whose mean squared distance W₂² to measures is least, from
    ``X_init``; with ``reg`` couplings have entropy. ``log``: also the cost."""
    support = np.array(_array(X_init, "X_init", 2))
    points, masses, counts = _joined(
        measures_locations, measures_weights, support.shape[1], "X_init of")
    b, weights = _masses(b, len(support), "b"), _masses(weights, len(counts), "weights")
    cost = ctypes.c_double()
    _call(
        "ot_free_barycenter", _at(points), _at(masses), counts.ctypes.data, len(counts),
        support.shape[1], _at(weights), _at(support), _at(b), len(support),
        _settings("sinkhorn" if reg else "exact", reg or 0.0, stopThr, numItermax), cost)
    return (support, {"cost": cost.value}) if log else support


def _joined(measures_locations, measures_weights, dimensions, whose):
    """Clouds one after the other, their masses, and how many points each has."""
    clouds = [_array(x, "measures_locations", 2) for x in measures_locations]
    for cloud in clouds:
        if len(cloud) == 0:
            raise ValueError("measures_locations has a cloud without points")
        if cloud.shape[1] != dimensions:
            raise ValueError(
                f"measures_locations of {cloud.shape[1]} dimensions, {whose} {dimensions}")
    masses = None
    if measures_weights is not None:
        if len(measures_weights) != len(clouds):
            raise ValueError(f"measures_weights of {len(measures_weights)} for {len(clouds)}")
        # Each is 1 in all, given or not.
        each = [_masses(w, len(x), "measures_weights") for x, w in zip(clouds, measures_weights)]
        each = [np.full(len(x), 1 / len(x)) if w is None else w for x, w in zip(clouds, each)]
        masses = np.concatenate(each) if each else None
    points = np.concatenate(clouds) if clouds else np.empty((0, dimensions))
    return points, masses, np.array([len(x) for x in clouds], dtype=np.uintp)


def wasserstein_kmeans(measures_locations, n_clusters, measures_weights=None, n_support=20, seed=0,
                       numItermax=50, log=False):
    """Each measure's cluster, [k], and the clusters' centers, [n_clusters, n_support, d]: each measure is
    with the center nearest in W₂, and centers are the free-support barycenters of what is with them.

    Centers' points have equal masses; the first centers are drawn, by ``seed``. ``log``: also the mean W₂² to
    the centers, a local minimum."""
    if not (len(measures_locations) and n_clusters >= 1 and n_support >= 1):
        raise ValueError(
            f"{n_clusters} clusters of {n_support} points for {len(measures_locations)} measures; "
            "there must be at least 1 of each")
    d = _array(measures_locations[0], "measures_locations", 2).shape[1]
    points, masses, counts = _joined(measures_locations, measures_weights, d, "the first of")
    labels = np.empty(len(counts), dtype=np.uintp)
    centers, cost = np.empty((n_clusters, n_support, d)), ctypes.c_double()
    _call(
        "ot_clusters", _at(points), _at(masses), counts.ctypes.data, len(counts), d, n_clusters,
        n_support, seed, _settings("exact", iterations=numItermax), labels.ctypes.data, _at(centers),
        cost)
    result = (labels.astype(np.intp), centers)
    return (*result, {"cost": cost.value}) if log else result


def multi_marginal(M, measures, reg, numItermax=10_000, stopThr=1e-7, log=False):
    """The coupling of more than two measures with entropy, as the costs ``M`` [n₁, n₂, …], at most 2²⁴ of
    them, one for each combination of points; each measure is scaled to 1.

    ``log``: also the cost, the potentials of each measure, and the proof as with ``sinkhorn``."""
    M = np.ascontiguousarray(M, dtype=np.float64)
    if M.ndim < 2 or len(measures) != M.ndim:
        raise ValueError(f"M has the shape {M.shape} for {len(measures)} measures")
    each = [_array(side, "measures", 1) for side in measures]
    if tuple(map(len, each)) != M.shape:
        raise ValueError(f"M has the shape {M.shape} for measures of {[len(x) for x in each]}")
    counts, masses = np.array(M.shape, dtype=np.uintp), np.concatenate(each)
    plan, potentials, proof = np.empty(M.shape), np.empty(len(masses)), _Certificate()
    _call(
        "ot_multi", _at(M), counts.ctypes.data, M.ndim, _at(masses),
        _settings("sinkhorn", reg, stopThr, numItermax), _at(plan), _at(potentials), proof)
    if not log:
        return plan
    return plan, {
        "cost": proof.cost, "potentials": np.split(potentials, np.cumsum(M.shape)[:-1]),
        "gap": proof.primal - proof.dual, "err": proof.row_error, "niter": proof.iterations}
