# SPDX-License-Identifier: Apache-2.0
"""Optimal transport: mass moved at least cost, and proved; numpy arrays in and out.

Names and arguments are those of POT (Python Optimal Transport) where there is a like, so that
``import ferry.ot as ot`` does for many programs::

    import ferry.ot as ot
    plan = ot.emd(a, b, M)                       # exact
    soft = ot.sinkhorn(a, b, M, reg=0.01)        # with entropy
    found = ot.solve_sample(x, y, reg=0.01)      # points; no matrix of costs is formed
    found.value_linear, found.gap, found.plan

What differs: a solver that does not converge raises ``NotConverged``, with the state that it reached
in ``error.best``; nothing warns and goes on. All is worked out in float64, on the processor, on all
cores. Every answer carries its proof: ``found.gap`` and ``found.marginal_error`` are measured on what
is returned.
"""

import ctypes
import types

import numpy as np

from ferry._adaptation import (
    EMDTransport, SinkhornL1l2Transport, SinkhornLpl1Transport, SinkhornTransport, sinkhorn_l1l2_gl,
    sinkhorn_lpl1_mm)
from ferry._library import NotConverged, _call, _choice
from ferry._measures import (
    barycenter, convolutional_barycenter2d, free_support_barycenter, multi_marginal,
    wasserstein_kmeans)
from ferry._transport import (
    _METRICS, Solution, _array, _at, _clouds, _masses, _Quadratic, _Selection, _settings,
    _solution, _Task, _with_log)

__all__ = [
    "EMDTransport", "NotConverged", "SinkhornL1l2Transport", "SinkhornLpl1Transport",
    "SinkhornTransport", "Solution", "barycenter", "bregman", "bures_wasserstein_distance",
    "bures_wasserstein_mapping", "convolutional_barycenter2d", "da", "dist", "emd", "emd2",
    "emd2_1d", "emd_1d", "entropic_gromov_wasserstein", "entropic_gromov_wasserstein2",
    "entropic_partial_wasserstein", "free_support_barycenter", "fused_gromov_wasserstein",
    "fused_gromov_wasserstein2", "gaussian", "gromov", "gromov_wasserstein",
    "gromov_wasserstein2", "lp", "max_sliced_wasserstein_distance", "multi_marginal", "partial",
    "partial_gromov_wasserstein", "partial_wasserstein", "partial_wasserstein2", "select",
    "sinkhorn", "sinkhorn2", "sinkhorn_divergence", "sinkhorn_l1l2_gl", "sinkhorn_lpl1_mm",
    "sinkhorn_unbalanced", "sinkhorn_unbalanced2", "sliced", "sliced_wasserstein_distance",
    "smooth", "smooth_ot_dual", "solve", "solve_sample", "unbalanced", "unif", "wasserstein_1d",
    "wasserstein_circle", "wasserstein_kmeans", "weak", "weak_optimal_transport",
]


def unif(n):
    """Equal masses, 1 in all."""
    return np.full(n, 1 / n)


def dist(x1, x2=None, metric="sqeuclidean"):
    """Costs between points, [n, m], of a metric that ``solve_sample`` knows."""
    x, y = _clouds(x1, x1 if x2 is None else x2, ("x1", "x2"))
    number = _choice("metric", metric, _METRICS)
    with np.errstate(all="ignore"):
        costs = _distances(x, y, number)
    if not np.isfinite(costs).all():
        raise ValueError("a cost is no number: a coordinate is none or too large, or a point is 0")
    return costs


def _distances(x, y, metric):
    if metric == 3:
        x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
        return np.maximum(0, 1 - x @ y.T)
    costs = np.zeros((len(x), len(y)))
    # One coordinate at a time: no array of [n, m, d].
    for k in range(x.shape[1]):
        difference = np.subtract.outer(x[:, k], y[:, k])
        costs += np.abs(difference) if metric == 2 else difference ** 2
    return np.sqrt(costs) if metric == 1 else costs


def solve(M, reg=None, a=None, b=None, *, unbalanced=None, unbalanced_type="kl", method=None,
          tol=None, max_iter=None):
    """The cheapest coupling for costs ``M`` [n, m], with entropy of strength ``reg`` if given.

    ``unbalanced`` is what leaving the masses costs, for both sides or (rows, columns), of
    ``unbalanced_type`` kl, tv or l2. ``method`` is exact, sinkhorn or newton; without it what fits.
    """
    return _solve(
        a, b, reg, unbalanced, unbalanced_type, method, tol, max_iter, costs=_array(M, "M", 2))


def solve_sample(X_a, X_b, reg=None, a=None, b=None, metric="sqeuclidean", *, unbalanced=None,
                 unbalanced_type="kl", method=None, tol=None, max_iter=None):
    """As ``solve``, between points; costs are worked out as they are needed."""
    return _solve(
        a, b, reg, unbalanced, unbalanced_type, method, tol, max_iter,
        points=_clouds(X_a, X_b, ("X_a", "X_b")), metric=metric)


def _solve(a, b, reg, unbalanced, unbalanced_type, method, tol, max_iter, **what):
    if not reg:
        if unbalanced is not None or method not in (None, "exact"):
            raise ValueError("without reg there is the exact method alone; give reg above 0")
        return _Task(a, b, **what).solve("exact", iterations=max_iter or 0)
    if unbalanced is not None:
        sides = unbalanced if isinstance(unbalanced, (tuple, list)) else (unbalanced, unbalanced)
        what["penalty"] = (unbalanced_type, tuple(float(side) for side in sides))
    return _Task(a, b, **what).solve(
        method or "sinkhorn", reg, tol or 0.0, max_iter or 0)


def emd(a, b, M, numItermax=None, log=False):
    """The cheapest coupling, exact, [n, m]; with ``log`` also a dict with cost, u and v."""
    found = solve(M, a=a, b=b, max_iter=numItermax)
    return _with_log(found, found.plan, log)


def emd2(a, b, M, numItermax=None, log=False):
    """The least cost, exact."""
    found = solve(M, a=a, b=b, max_iter=numItermax)
    return _with_log(found, found.value_linear, log)


def sinkhorn(a, b, M, reg, method="sinkhorn", numItermax=10_000, stopThr=1e-9, log=False):
    """The coupling with entropy, [n, m]. ``stopThr`` is a marginal error in L1, below 2, always measured.

    ``method`` is sinkhorn or newton: every step is safe at any ``reg``, there is no log variant.
    """
    found = solve(M, reg, a, b, method=method, tol=stopThr, max_iter=numItermax)
    return _with_log(found, found.plan, log)


def sinkhorn2(a, b, M, reg, method="sinkhorn", numItermax=10_000, stopThr=1e-9, log=False):
    """⟨M, P⟩ of ``sinkhorn``."""
    found = solve(M, reg, a, b, method=method, tol=stopThr, max_iter=numItermax)
    return _with_log(found, found.value_linear, log)


def sinkhorn_unbalanced(a, b, M, reg, reg_m, reg_m_type="kl", numItermax=10_000, stopThr=1e-9,
                        log=False):
    """The coupling where masses may change at the price ``reg_m``, one or (rows, columns).

    Entropy is relative to a bᵀ (POT's ``reg_type="kl"``); ``reg_m_type`` is kl, tv or l2.
    """
    found = solve(
        M, reg, a, b, unbalanced=reg_m, unbalanced_type=reg_m_type, tol=stopThr,
        max_iter=numItermax)
    return _with_log(found, found.plan, log)


def sinkhorn_unbalanced2(a, b, M, reg, reg_m, reg_m_type="kl", numItermax=10_000, stopThr=1e-9,
                         log=False):
    """⟨M, P⟩ of ``sinkhorn_unbalanced``."""
    found = solve(
        M, reg, a, b, unbalanced=reg_m, unbalanced_type=reg_m_type, tol=stopThr,
        max_iter=numItermax)
    return _with_log(found, found.value_linear, log)


def wasserstein_1d(u_values, v_values, u_weights=None, v_weights=None, p=1):
    """The least cost on a line at |x − y|^p, p ≥ 1; as with POT, no root is taken."""
    x, y = _array(u_values, "u_values", 1), _array(v_values, "v_values", 1)
    a = _masses(u_weights, len(x), "u_weights")
    b = _masses(v_weights, len(y), "v_weights")
    cost = ctypes.c_double()
    _call("ot_line", _at(x), len(x), _at(y), len(y), _at(a), _at(b), p, cost)
    return cost.value


def emd2_1d(x_a, x_b, a=None, b=None, metric="sqeuclidean"):
    """The least cost on a line, of sqeuclidean, euclidean or cityblock."""
    return wasserstein_1d(np.ravel(x_a), np.ravel(x_b), a, b, _power(metric))


def _power(metric):
    return (2, 1, 1)[_choice("metric", metric, ["sqeuclidean", "euclidean", "cityblock"])]


def sliced_wasserstein_distance(X_s, X_t, a=None, b=None, n_projections=50, p=2, seed=0, log=False):
    """The root of the mean cost over random projections; with ``log`` its cost's standard error."""
    task = _Task(a, b, points=_clouds(X_s, X_t, ("X_s", "X_t")))
    cost, error = ctypes.c_double(), ctypes.c_double()
    _call("ot_sliced", task.problem, n_projections, p, seed, cost, error)
    distance = cost.value ** (1 / p)
    return (distance, {"cost": cost.value, "standard_error": error.value}) if log else distance


def sinkhorn_divergence(X_s, X_t, reg, a=None, b=None, metric="sqeuclidean", numItermax=10_000,
                        stopThr=1e-6):
    """W(s, t) − W(s, s)/2 − W(t, t)/2 with entropy: 0 for equal clouds; a cost."""
    task = _Task(a, b, points=_clouds(X_s, X_t, ("X_s", "X_t")), metric=metric)
    value = ctypes.c_double()
    _call(
        "ot_divergence", task.problem, _settings("sinkhorn", reg, stopThr, numItermax), value)
    return value.value


def emd_1d(x_a, x_b, a=None, b=None, metric="sqeuclidean", log=False):
    """The cheapest coupling on a line, [n, m]."""
    x, y = (np.ascontiguousarray(np.ravel(z), dtype=np.float64) for z in (x_a, x_b))
    a, b = _masses(a, len(x), "a"), _masses(b, len(y), "b")
    found = _solution(
        "line_solve", (len(x), len(y)), _at(x), len(x), _at(y), len(y), _at(a), _at(b),
        _power(metric))
    return _with_log(found, found.plan, log)


def wasserstein_circle(u_values, v_values, u_weights=None, v_weights=None, p=1):
    """The least cost on a circle of length 1 at distance^p; as with POT, no root is taken."""
    x, y = _array(u_values, "u_values", 1), _array(v_values, "v_values", 1)
    a = _masses(u_weights, len(x), "u_weights")
    b = _masses(v_weights, len(y), "v_weights")
    return _solution(
        "circle", (len(x), len(y)), _at(x), len(x), _at(y), len(y), _at(a), _at(b), 1.0, p
    ).value_linear


def max_sliced_wasserstein_distance(X_s, X_t, a=None, b=None, n_projections=50, p=2, seed=0,
                                    log=False):
    """The root of the greatest cost over projections: the best of some at random, made better by
    climbing. With ``log`` also its direction."""
    task = _Task(a, b, points=_clouds(X_s, X_t, ("X_s", "X_t")))
    cost, direction = ctypes.c_double(), np.empty(task.points[0].shape[1])
    _call("ot_sliced_greatest", task.problem, n_projections, p, seed, cost, _at(direction))
    distance = cost.value ** (1 / p)
    return (distance, {"cost": cost.value, "direction": direction}) if log else distance


def partial_wasserstein(a, b, M, m=None, log=False):
    """The cheapest coupling of which only the mass ``m`` moves, exact; without ``m`` what both have."""
    return _partial(a, b, M, m, "exact", lambda found: found.plan, log)


def partial_wasserstein2(a, b, M, m=None, log=False):
    """The cost of ``partial_wasserstein``."""
    return _partial(a, b, M, m, "exact", lambda found: found.value_linear, log)


def entropic_partial_wasserstein(a, b, M, reg, m=None, numItermax=20_000, stopThr=1e-9, log=False):
    """The same with entropy."""
    return _partial(a, b, M, m, "sinkhorn", lambda found: found.plan, log, reg, stopThr, numItermax)


def _partial(a, b, M, m, method, result, log, reg=0.0, tolerance=0.0, iterations=0):
    task = _Task(a, b, costs=_array(M, "M", 2))
    if m is None:
        m = min(1.0 if side is None else side.sum() for side in (task.a, task.b))
    found = task.found("partial", _settings(method, reg, tolerance, iterations), m)
    return _with_log(found, result(found), log)


def smooth_ot_dual(a, b, M, reg, reg_type="l2", max_nz=None, stopThr=1e-8, numItermax=2_000,
                   log=False):
    """The coupling with reg/2 ‖P‖² in place of entropy, which is sparse; with ``reg_type``
    sparsity_constrained also with at most ``max_nz`` entries in each column."""
    kind = _choice("reg_type", reg_type, ["l2", "squared_l2", "sparsity_constrained"])
    if (kind == 2) != (max_nz is not None) or (max_nz is not None and max_nz < 1):
        raise ValueError(f"max_nz is {max_nz} with reg_type {reg_type!r}; both go together")
    found = _Task(a, b, costs=_array(M, "M", 2)).found(
        "smooth", _settings("exact", reg, stopThr, numItermax), max_nz or 0)
    return _with_log(found, found.plan, log)


def weak_optimal_transport(Xa, Xb, a=None, b=None, numItermax=10_000, stopThr=1e-6, log=False):
    """The coupling with the least Σ a_i ‖x_i − Σ_j P_ij y_j / a_i‖²: only the mean of where a point's mass
    goes counts. ``stopThr`` is a gap, as a share of the mean squared distance; ``log``: also the cost."""
    task = _Task(a, b, points=_clouds(Xa, Xb, ("Xa", "Xb")))
    found = task.found("weak", _settings("exact", 0.0, stopThr, numItermax))
    if not log:
        return found.plan
    return found.plan, {
        "cost": found.value, "gap": found.gap, "err": found.marginal_error,
        "niter": found.iterations}


def gromov_wasserstein(C1, C2, p=None, q=None, loss_fun="square_loss", G0=None, max_iter=2_000,
                       tol=1e-9, log=False):
    """A coupling that matches distances within two spaces, stationary for Σ (C1 − C2)² P P."""
    return _gromov(
        C1, C2, p, q, loss_fun, G0, log, "gw_dist", lambda found: found.plan, iterations=max_iter,
        tolerance=tol)


def gromov_wasserstein2(C1, C2, p=None, q=None, loss_fun="square_loss", G0=None, max_iter=2_000,
                        tol=1e-9, log=False):
    """The objective of ``gromov_wasserstein``."""
    return _gromov(
        C1, C2, p, q, loss_fun, G0, log, "gw_dist", lambda found: found.value_linear,
        iterations=max_iter, tolerance=tol)


def fused_gromov_wasserstein(M, C1, C2, p=None, q=None, loss_fun="square_loss", alpha=0.5, G0=None,
                             max_iter=2_000, tol=1e-9, log=False):
    """The same for (1 − alpha) ⟨M, P⟩ + alpha of that."""
    return _gromov(
        C1, C2, p, q, loss_fun, G0, log, "fgw_dist", lambda found: found.plan, M=M, alpha=alpha,
        iterations=max_iter, tolerance=tol)


def fused_gromov_wasserstein2(M, C1, C2, p=None, q=None, loss_fun="square_loss", alpha=0.5, G0=None,
                              max_iter=2_000, tol=1e-9, log=False):
    """The objective of ``fused_gromov_wasserstein``."""
    return _gromov(
        C1, C2, p, q, loss_fun, G0, log, "fgw_dist", lambda found: found.value_linear, M=M,
        alpha=alpha, iterations=max_iter, tolerance=tol)


def partial_gromov_wasserstein(C1, C2, p=None, q=None, m=None, loss_fun="square_loss", G0=None,
                               max_iter=2_000, tol=1e-9, log=False):
    """``gromov_wasserstein`` of which only the mass ``m`` moves."""
    p, q = (None if side is None else np.asarray(side, np.float64) for side in (p, q))
    if m is None:
        m = min(1.0 if side is None else side.sum() for side in (p, q))
    return _gromov(
        C1, C2, p, q, loss_fun, G0, log, "partial_gw_dist", lambda found: found.plan, mass=m,
        iterations=max_iter, tolerance=tol)


def entropic_gromov_wasserstein(C1, C2, p=None, q=None, loss_fun="square_loss", epsilon=0.1,
                                G0=None, max_iter=1_000, tol=1e-6, log=False):
    """``gromov_wasserstein`` with entropy of strength ``epsilon``."""
    return _gromov(
        C1, C2, p, q, loss_fun, G0, log, "gw_dist", lambda found: found.plan, method="sinkhorn",
        reg=epsilon, iterations=max_iter, tolerance=tol)


def entropic_gromov_wasserstein2(C1, C2, p=None, q=None, loss_fun="square_loss", epsilon=0.1,
                                 G0=None, max_iter=1_000, tol=1e-6, log=False):
    """The objective of ``entropic_gromov_wasserstein``, without the entropy."""
    return _gromov(
        C1, C2, p, q, loss_fun, G0, log, "gw_dist", lambda found: found.value_linear,
        method="sinkhorn", reg=epsilon, iterations=max_iter, tolerance=tol)


def _gromov(C1, C2, p, q, loss_fun, G0, log, name, result, M=None, alpha=1.0, mass=0.0,
            method="exact", reg=0.0, iterations=0, tolerance=0.0):
    _choice("loss_fun", loss_fun, ["square_loss"])
    if G0 is not None:
        raise ValueError("G0: the start is the product of the masses")
    C1, C2 = _array(C1, "C1", 2), _array(C2, "C2", 2)
    n, m = len(C1), len(C2)
    for C, side in ((C1, "C1"), (C2, "C2")):
        if C.shape[0] != C.shape[1]:
            raise ValueError(f"{side} must be square, got the shape {C.shape}")
    costs = None if M is None else _array(M, "M", 2)
    if costs is not None and costs.shape != (n, m):
        raise ValueError(f"M has the shape {costs.shape}, C1 and C2 want {(n, m)}")
    p, q = _masses(p, n, "p"), _masses(q, m, "q")
    problem = _Quadratic(
        ctypes.sizeof(_Quadratic), n, m, _at(C1), _at(C2), _at(costs), alpha, _at(p), _at(q), mass)
    found = _solution(
        "gromov", (n, m), problem, _settings(method, reg, tolerance, iterations))
    if not log:
        return result(found)
    return result(found), {
        name: found.value_linear, "err": found.marginal_error, "niter": found.iterations}


def bures_wasserstein_distance(ms, mt, Cs, Ct):
    """W₂ of two normal distributions: means [d], covariances [d, d]."""
    return _bures(ms, mt, Cs, Ct, None) ** 0.5


def bures_wasserstein_mapping(ms, mt, Cs, Ct):
    """(A, b) of the map x A + b that moves one normal distribution to another at least cost."""
    A = np.empty((len(ms), len(ms)))
    _bures(ms, mt, Cs, Ct, A)
    return A, np.ravel(mt) - np.ravel(ms) @ A


def _bures(ms, mt, Cs, Ct, A):
    ms, mt = (np.ascontiguousarray(np.ravel(m), dtype=np.float64) for m in (ms, mt))
    d = len(ms)
    Cs, Ct = _array(Cs, "Cs", 2), _array(Ct, "Ct", 2)
    if len(mt) != d or Cs.shape != (d, d) or Ct.shape != (d, d):
        raise ValueError(
            f"means of {d} and {len(mt)}, covariances of {Cs.shape} and {Ct.shape}")
    cost = ctypes.c_double()
    _call("ot_gaussian", d, _at(ms), _at(Cs), _at(mt), _at(Ct), cost, _at(A))
    return cost.value


def select(pool, targets, count=None, *, folds=10, features="whitened", project=None, seed=1,
           log=False):
    """The rows of ``pool`` [n, d] that serve ``targets`` [m, d] best (TAROT), as ``ferry ot select``.

    Rows are samples: what a network makes of them, or gradients of its loss. Each target's nearest
    samples are taken, layer by layer: ``count`` of them, or as many as come nearer to targets that were
    not looked at, found on ``folds``. ``features`` whitened lets no direction count for more because it
    varies more; plain takes them as they are. ``project`` to so many columns at random first. Gives the
    rows' numbers; with ``log`` also the transport distance from those chosen to the targets.
    """
    pool, targets = _clouds(pool, targets, ("pool", "targets"))
    for name, value, least in (("count", count, 1), ("folds", folds, 2), ("project", project, 1)):
        if value is not None and value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    selection = _Selection(
        ctypes.sizeof(_Selection), _at(pool), _at(targets), len(pool), len(targets), pool.shape[1],
        count or 0, folds, _choice("features", features, ["whitened", "plain"]) == 1, project or 0,
        seed)
    rows, chosen = np.empty(len(pool), dtype=np.uintp), ctypes.c_size_t()
    distance = ctypes.c_double()
    _call("ot_select", selection, rows.ctypes.data, chosen, distance)
    rows = rows[:chosen.value].astype(np.intp)
    return (rows, {"distance": distance.value}) if log else rows


def _named(*functions):
    return types.SimpleNamespace(**{function.__name__: function for function in functions})


# Where POT users look for them.
lp = _named(
    emd, emd2, emd_1d, emd2_1d, wasserstein_1d, wasserstein_circle, free_support_barycenter)
bregman = _named(sinkhorn, sinkhorn2, barycenter, convolutional_barycenter2d)
unbalanced = _named(sinkhorn_unbalanced, sinkhorn_unbalanced2)
partial = _named(
    partial_wasserstein, partial_wasserstein2, entropic_partial_wasserstein,
    partial_gromov_wasserstein)
gromov = _named(
    gromov_wasserstein, gromov_wasserstein2, fused_gromov_wasserstein, fused_gromov_wasserstein2,
    entropic_gromov_wasserstein, entropic_gromov_wasserstein2, partial_gromov_wasserstein)
sliced = _named(sliced_wasserstein_distance, max_sliced_wasserstein_distance)
smooth = _named(smooth_ot_dual)
gaussian = _named(bures_wasserstein_distance, bures_wasserstein_mapping)
weak = _named(weak_optimal_transport)
da = _named(
    EMDTransport, SinkhornTransport, SinkhornL1l2Transport, SinkhornLpl1Transport, sinkhorn_l1l2_gl,
    sinkhorn_lpl1_mm)
