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

import numpy as np

from ferry._library import NotConverged, _call, _choice, _library

__all__ = [
    "NotConverged", "Solution", "dist", "emd", "emd2", "emd2_1d", "sinkhorn", "sinkhorn2",
    "sinkhorn_divergence", "sinkhorn_unbalanced", "sinkhorn_unbalanced2",
    "sliced_wasserstein_distance", "solve", "solve_sample", "unif", "wasserstein_1d",
]

_METRICS = ["sqeuclidean", "euclidean", "cityblock", "cosine"]
_METHODS = ["exact", "sinkhorn", "newton"]
_PENALTIES = ["exact", "kl", "tv", "l2"]
_doubles = ctypes.POINTER(ctypes.c_double)


class _Problem(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("rows", ctypes.c_size_t),
        ("columns", ctypes.c_size_t),
        ("costs", _doubles),
        ("row_points", _doubles),
        ("column_points", _doubles),
        ("dimensions", ctypes.c_size_t),
        ("cost", ctypes.c_uint32),
        ("row_masses", _doubles),
        ("column_masses", _doubles),
        ("row_penalty", ctypes.c_uint32),
        ("column_penalty", ctypes.c_uint32),
        ("row_strength", ctypes.c_double),
        ("column_strength", ctypes.c_double),
    ]


class _Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("method", ctypes.c_uint32),
        ("threads", ctypes.c_uint32),
        ("epsilon", ctypes.c_double),
        ("is_share", ctypes.c_bool),
        ("tolerance", ctypes.c_double),
        ("iterations_max", ctypes.c_uint64),
    ]


class _Certificate(ctypes.Structure):
    _fields_ = [
        ("cost", ctypes.c_double),
        ("primal", ctypes.c_double),
        ("dual", ctypes.c_double),
        ("row_error", ctypes.c_double),
        ("column_error", ctypes.c_double),
        ("mass", ctypes.c_double),
        ("epsilon", ctypes.c_double),
        ("iterations", ctypes.c_uint64),
        ("entries", ctypes.c_size_t),
        ("is_converged", ctypes.c_bool),
    ]


_pointer, _count, _number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double
for _function, _arguments in {
    "solve": [ctypes.POINTER(_Problem), ctypes.POINTER(_Options), ctypes.POINTER(_pointer)],
    "certificate": [_pointer, ctypes.POINTER(_Certificate)],
    "coupling": [_pointer, _doubles],
    "entries": [_pointer, _pointer, _pointer, _doubles],
    "potentials": [_pointer, _doubles, _doubles],
    "apply": [_pointer, ctypes.c_bool, _doubles, _doubles],
    "free": [_pointer],
    "divergence": [ctypes.POINTER(_Problem), ctypes.POINTER(_Options), _doubles],
    "line": [_doubles, _count, _doubles, _count, _doubles, _doubles, _number, _doubles],
    "sliced": [ctypes.POINTER(_Problem), _count, _number, ctypes.c_uint64, _doubles, _doubles],
}.items():
    getattr(_library, f"ferry_ot_{_function}").argtypes = _arguments
_library.ferry_ot_free.restype = None


def _array(values, name, dimensions):
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != dimensions:
        raise ValueError(f"{name} must have {dimensions} dimensions, got the shape {array.shape}")
    return array


def _at(array):
    return None if array is None else array.ctypes.data_as(_doubles)


def _masses(values, count, name):
    """None and, as with POT, an empty list are equal masses."""
    if values is None or len(values) == 0:
        return None
    masses = _array(values, name, 1)
    if len(masses) != count:
        raise ValueError(f"{name} has {len(masses)} masses for {count} points")
    return masses


class Solution:
    """What a solver found, and what proves it."""

    def __init__(self, pointer, shape):
        self._pointer = pointer
        self.shape = shape
        proof = _Certificate()
        _call("ot_certificate", pointer, proof)
        #: ⟨C, P⟩, without entropy and penalties.
        self.value_linear = proof.cost
        #: The objective, with entropy and penalties where there are any.
        self.value = proof.primal
        #: No coupling has a lower objective.
        self.dual = proof.dual
        #: value − dual.
        self.gap = proof.primal - proof.dual
        #: ‖P 1 − a‖₁ + ‖Pᵀ 1 − b‖₁.
        self.marginal_error = proof.row_error + proof.column_error
        #: The mass that moves.
        self.mass = proof.mass
        #: ε in the unit of cost; None without entropy.
        self.epsilon = proof.epsilon or None
        self.iterations = proof.iterations
        self.is_converged = proof.is_converged
        self._entries = proof.entries

    def __del__(self):
        if getattr(self, "_pointer", None):
            _library.ferry_ot_free(self._pointer)

    def __repr__(self):
        return (
            f"Solution(shape={self.shape}, value_linear={self.value_linear!r}, gap={self.gap!r}, "
            f"marginal_error={self.marginal_error!r}, iterations={self.iterations}, "
            f"is_converged={self.is_converged})")

    @property
    def plan(self):
        """Every entry of the coupling, [rows, columns]."""
        masses = np.empty(self.shape)
        _call("ot_coupling", self._pointer, _at(masses))
        return masses

    @property
    def sparse_plan(self):
        """(rows, columns, masses) of the entries that move, of exact solvers; else ValueError."""
        rows, columns = (np.empty(self._entries, dtype=np.uintp) for _ in range(2))
        masses = np.empty(self._entries)
        _call(
            "ot_entries", self._pointer, rows.ctypes.data, columns.ctypes.data, _at(masses))
        return rows.astype(np.intp), columns.astype(np.intp), masses

    @property
    def potentials(self):
        """(f, g): of the rows and of the columns, in the unit of cost."""
        f, g = np.empty(self.shape[0]), np.empty(self.shape[1])
        _call("ot_potentials", self._pointer, _at(f), _at(g))
        return f, g

    def __matmul__(self, x):
        """P x, without forming P."""
        return self._applied(x, False)

    def transpose_apply(self, x):
        """Pᵀ x, without forming P."""
        return self._applied(x, True)

    def _applied(self, x, transposed):
        x = _array(x, "x", 1)
        rows, columns = self.shape[::-1] if transposed else self.shape
        if len(x) != columns:
            raise ValueError(f"a vector of {len(x)} for {columns}")
        result = np.empty(rows)
        _call("ot_apply", self._pointer, transposed, _at(x), _at(result))
        return result


class _Task:
    """A problem whose arrays live as long as it does."""

    def __init__(self, a, b, costs=None, points=None, metric="sqeuclidean", penalty=None):
        self.costs, self.points = costs, points
        shape = costs.shape if points is None else (len(points[0]), len(points[1]))
        self.shape = shape
        self.a, self.b = _masses(a, shape[0], "a"), _masses(b, shape[1], "b")
        kind, (rho_a, rho_b) = penalty or ("exact", (0.0, 0.0))
        number = _choice("the penalty", kind, _PENALTIES)
        # Without a limit a marginal must be met, as with POT.
        numbers = [0 if rho == float("inf") else number for rho in (rho_a, rho_b)]
        self.problem = _Problem(
            ctypes.sizeof(_Problem), *shape, _at(costs), _at(points and points[0]),
            _at(points and points[1]), points[0].shape[1] if points else 0,
            _choice("metric", metric, _METRICS), _at(self.a), _at(self.b), *numbers,
            *(0.0 if n == 0 else rho for n, rho in zip(numbers, (rho_a, rho_b))))

    def solve(self, method, reg=0.0, tolerance=0.0, iterations=0, is_share=False):
        options = _Options(
            ctypes.sizeof(_Options), _choice("method", method, _METHODS), 0, reg, is_share,
            tolerance, iterations)
        pointer = ctypes.c_void_p()
        try:
            _call("ot_solve", self.problem, options, ctypes.byref(pointer))
        except NotConverged as error:
            if pointer:
                error.best = Solution(pointer, self.shape)
            raise
        return Solution(pointer, self.shape)


def _clouds(x, y, names):
    x, y = _array(x, names[0], 2), _array(y, names[1], 2)
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{names[0]} has points of {x.shape[1]} dimensions, {names[1]} of {y.shape[1]}")
    return x, y


def unif(n):
    """Equal masses, 1 in all."""
    return np.full(n, 1 / n)


def dist(x1, x2=None, metric="sqeuclidean"):
    """Costs between points, [n, m], of a metric that ``solve_sample`` knows."""
    x, y = _clouds(x1, x1 if x2 is None else x2, ("x1", "x2"))
    number = _choice("metric", metric, _METRICS)
    if number == 3:
        x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
        return np.maximum(0, 1 - x @ y.T)
    costs = np.zeros((len(x), len(y)))
    # One coordinate at a time: no array of [n, m, d].
    for k in range(x.shape[1]):
        difference = np.subtract.outer(x[:, k], y[:, k])
        costs += np.abs(difference) if number == 2 else difference ** 2
    return np.sqrt(costs) if number == 1 else costs


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
    """The coupling with entropy, [n, m]. ``stopThr`` is a marginal error in L1, always measured.

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


def _with_log(found, result, log):
    if not log:
        return result
    u, v = found.potentials
    return result, {
        "cost": found.value_linear, "u": u, "v": v, "gap": found.gap,
        "err": found.marginal_error, "niter": found.iterations}


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
    power = {"sqeuclidean": 2, "euclidean": 1, "cityblock": 1}.get(metric)
    if power is None:
        raise ValueError(
            f"metric must be one of sqeuclidean, euclidean, cityblock, got {metric!r}")
    return wasserstein_1d(np.ravel(x_a), np.ravel(x_b), a, b, power)


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
    options = _Options(ctypes.sizeof(_Options), 1, 0, reg, False, stopThr, numItermax)
    value = ctypes.c_double()
    _call("ot_divergence", task.problem, options, value)
    return value.value
