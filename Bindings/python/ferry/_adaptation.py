# SPDX-License-Identifier: Apache-2.0
"""Maps between clouds, with labels or none, as ``ferry.ot`` gives them."""

import numpy as np

from ferry._transport import _array, _clouds, _integers, _settings, _Task, _with_log


class EMDTransport:
    """Moves points as one cloud is moved to another, exactly: ``fit``, then ``transform``.

    After ``fit``: ``coupling_`` [n, m], and ``solution_`` with its proof. A point that is none of Xs
    moves as the nearest of them does, as with POT.
    """

    _reg = 0.0

    def __init__(self, metric="sqeuclidean"):
        self.metric = metric

    def fit(self, Xs, Xt, a=None, b=None):
        """Couples the clouds; masses are equal where not given."""
        task = _Task(a, b, points=_clouds(Xs, Xt, ("Xs", "Xt")), metric=self.metric)
        return self._keep(task.solve("sinkhorn" if self._reg else "exact", self._reg))

    def _keep(self, solution):
        self.solution_ = solution
        self.coupling_ = solution.plan
        return self

    def transform(self, Xs):
        """Where points go, [k, d]."""
        return self.solution_.transform(Xs)

    def fit_transform(self, Xs, Xt, a=None, b=None):
        """``fit``, then ``transform`` of the same points."""
        return self.fit(Xs, Xt, a, b).transform(Xs)


class SinkhornTransport(EMDTransport):
    """The same with entropy of strength ``reg_e``. Any point goes to the mean of where its mass would
    go by the potentials (the entropic map), also those that are none of Xs."""

    def __init__(self, reg_e=1.0, metric="sqeuclidean"):
        super().__init__(metric)
        if not reg_e > 0:
            raise ValueError(f"reg_e must be above 0, got {reg_e}")
        self._reg = self.reg_e = reg_e


def sinkhorn_l1l2_gl(a, labels_a, b, M, reg, eta=0.1, numItermax=500, stopThr=1e-6, log=False):
    """The coupling with entropy whose targets take from few classes of sources, [n, m].

    Adds eta Σ_j Σ_class ‖P[class, j]‖₂. Sources with a label below 0 are in no class. ``stopThr`` is a gap,
    as a share of the objective: the problem is convex, and what is found is within it of the best.
    """
    task = _Task(a, b, costs=_array(M, "M", 2))
    found = task.found(
        "group_lasso", _settings("sinkhorn", reg, stopThr, numItermax),
        *_labels(labels_a, task, "labels_a"), eta)
    return _with_log(found, found.plan, log)


def sinkhorn_lpl1_mm(a, labels_a, b, M, reg, eta=0.1, numItermax=10, numInnerItermax=10_000,
                     stopInnerThr=1e-9, log=False):
    """The coupling with entropy whose targets take from few classes of sources, [n, m].

    Adds eta Σ_j Σ_class (s + 0.001)^½, s being the mass that target j has from a class: a concave term,
    linearized at the coupling so far ``numItermax`` − 1 times. Sources with a label below 0 are in no class.
    ``numInnerItermax`` and ``stopInnerThr`` are of each linearized problem, as with ``sinkhorn``.
    """
    task = _Task(a, b, costs=_array(M, "M", 2))
    found = _class_roots(
        task, _labels(labels_a, task, "labels_a"), reg, eta, numItermax, numInnerItermax,
        stopInnerThr)
    return _with_log(found, found.plan, log)


def _class_roots(task, labels, reg, eta, solves, iterations, tolerance):
    if solves < 1:
        raise ValueError(f"at least 1 problem must be solved, got {solves}")
    return task.found(
        "class_roots", _settings("sinkhorn", reg, tolerance, iterations), *labels, eta, solves - 1)


def _labels(values, task, name):
    """Labels as the library reads them; the array lives as long as its address is held."""
    labels = np.asarray(values)
    if labels.shape != task.shape[:1] or labels.dtype.kind not in "biu":
        raise ValueError(
            f"{name} must be {task.shape[0]} whole numbers, got {labels.dtype} of the shape "
            f"{labels.shape}")
    return (np.ascontiguousarray(labels, dtype=np.int64).ctypes.data_as(_integers),)


class SinkhornL1l2Transport(SinkhornTransport):
    """Entropic transport of labeled sources that keeps classes apart, as ``sinkhorn_l1l2_gl``; a point that
    is none of Xs moves as the nearest of them does."""

    def __init__(self, reg_e=1.0, reg_cl=0.1, max_iter=500, tol=1e-6, metric="sqeuclidean"):
        super().__init__(reg_e, metric)
        self.reg_cl, self.max_iter, self.tol = reg_cl, max_iter, tol

    def fit(self, Xs, ys, Xt):
        """Couples clouds of equal masses; ``ys`` are whole numbers, below 0 where unknown."""
        task = _Task(None, None, points=_clouds(Xs, Xt, ("Xs", "Xt")), metric=self.metric)
        return self._keep(self._couple(task, _labels(ys, task, "ys")))

    def _couple(self, task, labels):
        return task.found(
            "group_lasso", _settings("sinkhorn", self.reg_e, self.tol, self.max_iter), *labels,
            self.reg_cl)

    def fit_transform(self, Xs, ys, Xt):
        """``fit``, then ``transform`` of the same points."""
        return self.fit(Xs, ys, Xt).transform(Xs)


class SinkhornLpl1Transport(SinkhornL1l2Transport):
    """The same by roots of the mass that each target has from each class, as ``sinkhorn_lpl1_mm``."""

    def __init__(self, reg_e=1.0, reg_cl=0.1, max_iter=10, max_inner_iter=10_000, tol=1e-9,
                 metric="sqeuclidean"):
        super().__init__(reg_e, reg_cl, max_iter, tol, metric)
        self.max_inner_iter = max_inner_iter

    def _couple(self, task, labels):
        return _class_roots(
            task, labels, self.reg_e, self.reg_cl, self.max_iter, self.max_inner_iter, self.tol)
