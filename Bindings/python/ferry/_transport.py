# SPDX-License-Identifier: Apache-2.0
"""The library's functions of optimal transport as Python sees them; ``ferry.ot`` is what to import."""

import ctypes

import numpy as np

from ferry._library import NotConverged, _call, _choice, _library

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


class _Quadratic(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("rows", ctypes.c_size_t),
        ("columns", ctypes.c_size_t),
        ("row_distances", _doubles),
        ("column_distances", _doubles),
        ("costs", _doubles),
        ("alpha", ctypes.c_double),
        ("row_masses", _doubles),
        ("column_masses", _doubles),
        ("mass", ctypes.c_double),
    ]


class _Selection(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("pool_samples", _doubles),
        ("target_samples", _doubles),
        ("pool", ctypes.c_size_t),
        ("targets", ctypes.c_size_t),
        ("dimensions", ctypes.c_size_t),
        ("count", ctypes.c_size_t),
        ("folds", ctypes.c_size_t),
        ("is_plain", ctypes.c_bool),
        ("projected", ctypes.c_size_t),
        ("seed", ctypes.c_uint64),
    ]


_pointer, _count, _number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double
_problem, _options = ctypes.POINTER(_Problem), ctypes.POINTER(_Options)
_found, _integers = ctypes.POINTER(_pointer), ctypes.POINTER(ctypes.c_int64)
_line = [_doubles, _count, _doubles, _count, _doubles, _doubles]
for _function, _arguments in {
    "solve": [_problem, _options, _found],
    "certificate": [_pointer, ctypes.POINTER(_Certificate)],
    "coupling": [_pointer, _doubles],
    "entries": [_pointer, _pointer, _pointer, _doubles],
    "potentials": [_pointer, _doubles, _doubles],
    "apply": [_pointer, ctypes.c_bool, _doubles, _doubles],
    "map": [_pointer, _doubles, _count, _doubles],
    "free": [_pointer],
    "divergence": [_problem, _options, _doubles],
    "line": [*_line, _number, _doubles],
    "line_solve": [*_line, _number, _found],
    "circle": [*_line, _number, _number, _found],
    "sliced": [_problem, _count, _number, ctypes.c_uint64, _doubles, _doubles],
    "sliced_greatest": [_problem, _count, _number, ctypes.c_uint64, _doubles, _doubles],
    "partial": [_problem, _options, _number, _found],
    "smooth": [_problem, _options, _count, _found],
    "gromov": [ctypes.POINTER(_Quadratic), _options, _found],
    "weak": [_problem, _options, _found],
    "group_lasso": [_problem, _options, _integers, _number, _found],
    "class_roots": [_problem, _options, _integers, _number, _count, _found],
    "gaussian": [_count, _doubles, _doubles, _doubles, _doubles, _doubles, _doubles],
    "barycenter": [_doubles, _count, _doubles, _count, _doubles, _options, _doubles],
    "picture_barycenter": [_doubles, _count, _count, _count, _doubles, _options, _doubles],
    "free_barycenter": [
        _doubles, _doubles, _pointer, _count, _count, _doubles, _doubles, _doubles, _count,
        _options, _doubles],
    "clusters": [
        _doubles, _doubles, _pointer, _count, _count, _count, _count, ctypes.c_uint64, _options,
        _pointer, _doubles, _doubles],
    "multi": [
        _doubles, _pointer, _count, _doubles, _options, _doubles, _doubles,
        ctypes.POINTER(_Certificate)],
    "select": [ctypes.POINTER(_Selection), _pointer, ctypes.POINTER(_count), _doubles],
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

    def __init__(self, pointer, shape, dimensions=None):
        self._pointer = pointer
        self._dimensions = dimensions
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

    def transform(self, points):
        """Where points go, [k, d], by a solution between points.

        With entropy to the mean of where their mass would go; else as the nearest source does, which
        goes to the mean of where its mass does.
        """
        points = _array(points, "points", 2)
        if self._dimensions is not None and points.shape[1] != self._dimensions:
            raise ValueError(f"points of {points.shape[1]} dimensions for {self._dimensions}")
        images = np.empty_like(points)
        _call("ot_map", self._pointer, _at(points), len(points), _at(images))
        return images

    @property
    def potentials(self):
        """(f, g): of the rows and of the columns, in the unit of cost; ValueError where there are none."""
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
        return self.found("solve", _settings(method, reg, tolerance, iterations, is_share))

    def found(self, function, options, *more):
        """What a function of the library finds for this problem."""
        dimensions = self.points[0].shape[1] if self.points else None
        return _solution(function, self.shape, self.problem, options, *more, dimensions=dimensions)


def _settings(method, reg=0.0, tolerance=0.0, iterations=0, is_share=False):
    return _Options(
        ctypes.sizeof(_Options), _choice("method", method, _METHODS), 0, reg, is_share,
        tolerance or 0.0, iterations or 0)


def _solution(function, shape, *arguments, dimensions=None):
    pointer = ctypes.c_void_p()
    try:
        _call(f"ot_{function}", *arguments, ctypes.byref(pointer))
    except NotConverged as error:
        if pointer:
            error.best = Solution(pointer, shape, dimensions)
        raise
    return Solution(pointer, shape, dimensions)


def _with_log(found, result, log):
    if not log:
        return result
    u, v = found.potentials
    return result, {
        "cost": found.value_linear, "u": u, "v": v, "gap": found.gap,
        "err": found.marginal_error, "niter": found.iterations}


def _clouds(x, y, names):
    x, y = _array(x, names[0], 2), _array(y, names[1], 2)
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{names[0]} has points of {x.shape[1]} dimensions, {names[1]} of {y.shape[1]}")
    return x, y
