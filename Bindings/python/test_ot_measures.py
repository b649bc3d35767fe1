# SPDX-License-Identifier: Apache-2.0
"""Labeled sources, weak transport, several measures and clusters; run as test_ot is."""

import unittest

import numpy as np

import ferry.ot as ot
from test_ot import clouds, pot


class LabelTests(unittest.TestCase):
    """Sources of two classes, each above or below, whose targets lie between them too."""

    def setUp(self):
        generator = np.random.default_rng(3)
        self.labels = np.repeat([0, 1], 20)
        self.x = generator.normal(size=(40, 2)) + np.outer(self.labels, [0, 2])
        self.y = generator.normal(size=(30, 2)) + np.outer(np.repeat([0, 1], 15), [0, 2])

    def purity(self, plan):
        """The mean share of a target that comes from its greatest class."""
        return np.maximum(plan[:20].sum(axis=0), plan[20:].sum(axis=0)).sum()

    def test_classes_are_kept_apart(self):
        plain = ot.SinkhornTransport(reg_e=1.0).fit(self.x, self.y)
        for kind, strength in ((ot.SinkhornL1l2Transport, 20.0), (ot.SinkhornLpl1Transport, 2.0)):
            mapping = kind(reg_e=1.0, reg_cl=strength).fit(self.x, self.labels, self.y)
            plan = mapping.coupling_
            self.assertLess(abs(plan.sum(axis=0) - 1 / 30).sum(), 1e-4)
            self.assertLess(abs(plan.sum(axis=1) - 1 / 40).sum(), 1e-4)
            self.assertGreater(self.purity(plan), self.purity(plain.coupling_) + 0.05, kind)
            # A source goes to the mean of where its mass does.
            np.testing.assert_allclose(
                mapping.transform(self.x), (plan @ self.y) / plan.sum(axis=1)[:, None], atol=1e-9)
            # Without strength, labels say nothing.
            np.testing.assert_allclose(
                kind(reg_e=1.0, reg_cl=0.0).fit(self.x, self.labels, self.y).coupling_,
                plain.coupling_, atol=1e-6)

    def test_no_lower_objective_is_known_to_pot(self):
        peer, a, b = pot(), ot.unif(40), ot.unif(30)
        M = ot.dist(self.x, self.y)
        ours, log = ot.sinkhorn_l1l2_gl(a, self.labels, b, M, 1.0, 2.0, log=True)
        theirs = peer.da.sinkhorn_l1l2_gl(
            a, self.labels, b, M, 1.0, 2.0, numItermax=200, numInnerItermax=1000)

        def objective(plan):
            norms = sum(np.linalg.norm(plan[self.labels == k], axis=0).sum() for k in (0, 1))
            return (M * plan).sum() + (plan * np.log(plan / np.outer(a, b))).sum() + 2 * norms

        self.assertLess(objective(ours), objective(theirs) + log["gap"] + 1e-6)
        # POT stops a little above the least.
        self.assertGreater(objective(ours), 0.97 * objective(theirs))
        self.assertLess(abs(log["gap"]), 1e-5)
        for other in (1.6, 2.5):
            self.assertLess(
                objective(ours),
                objective(ot.sinkhorn_l1l2_gl(a, self.labels, b, M, 1.0, other)))


    def test_roots_of_classes_are_those_of_pot(self):
        peer, (_, _, a, b) = pot(), clouds(40, 30)
        M = ot.dist(self.x, self.y)
        for solves in (1, 2, 10):
            ours, log = ot.sinkhorn_lpl1_mm(
                a, self.labels, b, M, 1.0, 2.0, numItermax=solves, log=True)
            theirs = peer.da.sinkhorn_lpl1_mm(
                a, self.labels, b, M, 1.0, 2.0, numItermax=solves, numInnerItermax=10_000,
                stopInnerThr=1e-12)
            np.testing.assert_allclose(ours, theirs, atol=1e-8)
            self.assertAlmostEqual(log["cost"], (M * theirs).sum(), places=7)
        mapping = ot.SinkhornLpl1Transport(reg_e=1.0, reg_cl=2.0).fit(self.x, self.labels, self.y)
        theirs = peer.da.SinkhornLpl1Transport(
            reg_e=1.0, reg_cl=2.0, max_inner_iter=10_000, tol=1e-12).fit(self.x, self.labels, Xt=self.y)
        np.testing.assert_allclose(mapping.coupling_, theirs.coupling_, atol=1e-8)
        with self.assertRaisesRegex(ValueError, "at least 1 problem must be solved, got 0"):
            ot.sinkhorn_lpl1_mm(a, self.labels, b, M, 1.0, numItermax=0)


class MeasuresTests(unittest.TestCase):
    def test_only_means_count_in_weak_transport(self):
        # Each point goes to two of the targets at equal distance around it: nothing moves on average.
        x = np.array([[0.0], [10.0]])
        y = np.array([[-1.0], [1.0], [9.0], [11.0]])
        plan, log = ot.weak_optimal_transport(x, y, log=True)
        np.testing.assert_allclose(2 * plan @ y, x, atol=1e-2)
        self.assertLess(log["cost"], 1e-4)
        peer = pot()
        x, y, a, b = clouds()
        ours, log = ot.weak_optimal_transport(x, y, a, b, stopThr=1e-7, log=True)
        theirs = peer.weak_optimal_transport(x, y, a, b)
        cost = (a * ((x - theirs @ y / a[:, None]) ** 2).sum(axis=1)).sum()
        self.assertLess(log["cost"], cost + 1e-9)
        self.assertGreater(log["cost"], 0.99 * cost)

    def test_two_of_many_measures_are_an_ordinary_problem(self):
        x, y, a, b = clouds(6, 7)
        M = ot.dist(x, y)
        np.testing.assert_allclose(
            ot.multi_marginal(M, [a, b], 0.5, stopThr=1e-12), ot.sinkhorn(a, b, M, 0.5, stopThr=1e-12),
            atol=1e-11)

    def test_three_measures_meet(self):
        generator = np.random.default_rng(5)
        M, sides = generator.random((3, 4, 5)), [ot.unif(3), np.array([1, 2, 3, 4.0]), ot.unif(5)]
        plan, log = ot.multi_marginal(M, sides, 0.2, log=True)
        np.testing.assert_allclose(plan.sum(axis=(0, 2)), sides[1] / 10, atol=1e-6)
        f, g, h = log["potentials"]
        scaled = np.exp((f[:, None, None] + g[:, None] + h - M) / 0.2)
        np.testing.assert_allclose(
            plan, scaled * sides[0][:, None, None] * (sides[1] / 10)[:, None] * sides[2], atol=1e-12)
        self.assertAlmostEqual(log["cost"], (M * plan).sum(), places=12)
        self.assertLess(abs(log["gap"]), 1e-6)

    def test_clouds_are_clustered_by_where_they_lie(self):
        generator = np.random.default_rng(6)
        where = np.array([0, 5, 0, 5, 5, 0])
        many = [generator.normal(size=(4 + k, 2)) + at for k, at in enumerate(where)]
        labels, centers, log = ot.wasserstein_kmeans(many, 2, n_support=3, log=True)
        for label in (0, 1):
            self.assertEqual(len(set(where[labels == label])), 1)
        self.assertEqual(len(set(labels)), 2)
        cost = np.mean([
            ot.emd2([], [], ot.dist(cloud, centers[label])) for cloud, label in zip(many, labels)])
        self.assertAlmostEqual(log["cost"], cost, places=12)
        weighted = ot.wasserstein_kmeans(
            many, 1, [None, *(np.arange(1.0, 5 + k) for k in range(1, 6))], n_support=1)[1]
        mean = np.mean([
            np.average(cloud, axis=0, weights=None if k == 0 else np.arange(1.0, 5 + k))
            for k, cloud in enumerate(many)], axis=0)
        np.testing.assert_allclose(weighted[0, 0], mean, atol=1e-9)

    def test_no_number_comes_of_nothing(self):
        x, y, _, _ = clouds()
        message = "a cost is no number: a coordinate is none or too large, or a point is 0"
        for value, metric in ((np.nan, "sqeuclidean"), (np.inf, "euclidean"), (1e200, "sqeuclidean")):
            with self.assertRaisesRegex(ValueError, message):
                ot.dist(np.vstack([x, [value, 0]]), y, metric)
        with self.assertRaisesRegex(ValueError, message):
            ot.dist(np.vstack([x, [0, 0]]), y, "cosine")
        with self.assertRaisesRegex(ValueError, "measures_locations has a cloud without points"):
            ot.free_support_barycenter([x, y[:0]], [None, None], X_init=x)


if __name__ == "__main__":
    unittest.main()
