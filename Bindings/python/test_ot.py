# SPDX-License-Identifier: Apache-2.0
"""Run by `swift test` where numpy is, or by hand: python3 -m unittest -v test_ot (in this folder;
test_ot_measures likewise).

Numbers named golden were worked out by POT 0.9.7 on the same inputs.
"""

import ctypes
import itertools
import unittest

import numpy as np

import ferry
import ferry.ot as ot


def clouds(n=30, m=40, dimensions=2, seed=1):
    generator = np.random.default_rng(seed)
    a, b = generator.random(n) + 0.1, generator.random(m) + 0.1
    return (
        generator.normal(size=(n, dimensions)), generator.normal(size=(m, dimensions)) + 1,
        a / a.sum(), b / b.sum())


class ExactTests(unittest.TestCase):
    def test_the_documents_lines(self):
        x, y, a, b = clouds()
        M = ot.dist(x, y)
        plan = ot.emd(a, b, M)
        soft = ot.sinkhorn(a, b, M, reg=0.1)
        found = ot.solve_sample(x, y, reg=0.1, a=a, b=b)
        pulled = found @ np.ones(len(y))
        part = ot.partial_wasserstein(a, b, M, m=0.5)
        match = ot.gromov_wasserstein(ot.dist(x, x), ot.dist(y, y))
        middle = ot.free_support_barycenter([x, y], [a, b], X_init=x)
        moved = ot.EMDTransport().fit_transform(x, y)
        rows = ot.select(x, y, count=5)
        labels, centers = ot.wasserstein_kmeans([x, x + 9, y], n_clusters=2)
        weak = ot.weak_optimal_transport(x, y)
        tied = ot.SinkhornL1l2Transport(reg_e=1.0, reg_cl=1.0).fit_transform(x, x[:, 0] > 0, y)
        np.testing.assert_allclose(weak.sum(axis=1), ot.unif(30), atol=1e-9)
        self.assertTrue(
            len(labels) == 3 and centers.shape == (2, 20, 2) and tied.shape == x.shape)
        self.assertAlmostEqual(part.sum(), 0.5)
        np.testing.assert_allclose(match.sum(axis=0), ot.unif(40), atol=1e-9)
        self.assertTrue(middle.shape == moved.shape == x.shape and len(rows) == 5)
        np.testing.assert_allclose(plan.sum(axis=1), a, atol=1e-12)
        np.testing.assert_allclose(soft.sum(axis=0), b, atol=1e-8)
        np.testing.assert_allclose(pulled, a, atol=1e-5)
        self.assertLess(found.gap, 1e-3)

    def test_no_permutation_is_cheaper(self):
        generator = np.random.default_rng(2)
        for _ in range(20):
            M = generator.random((5, 5))
            best = min(
                sum(M[i, j] for i, j in enumerate(order)) / 5
                for order in itertools.permutations(range(5)))
            self.assertAlmostEqual(ot.emd2([], [], M), best, places=12)

    def test_marginals_potentials_and_sparse_entries_prove_the_plan(self):
        x, y, a, b = clouds()
        M = ot.dist(x, y)
        found = ot.solve(M, a=a, b=b)
        np.testing.assert_allclose(found.plan.sum(axis=1), a, atol=1e-12)
        np.testing.assert_allclose(found.plan.sum(axis=0), b, atol=1e-12)
        f, g = found.potentials
        self.assertGreater((M - f[:, None] - g[None, :]).min(), -1e-12)
        self.assertAlmostEqual(f @ a + g @ b, found.value_linear, places=12)
        rows, columns, masses = found.sparse_plan
        self.assertLessEqual(len(rows), len(a) + len(b) - 1)
        again = np.zeros_like(M)
        again[rows, columns] = masses
        np.testing.assert_array_equal(again, found.plan)
        self.assertTrue(found.is_converged)

    def test_points_and_costs_agree_in_every_metric(self):
        x, y, a, b = clouds(dimensions=3)
        for metric in ("sqeuclidean", "euclidean", "cityblock", "cosine"):
            by_costs = ot.emd2(a, b, ot.dist(x, y, metric))
            by_points = ot.solve_sample(x, y, a=a, b=b, metric=metric).value_linear
            self.assertAlmostEqual(by_costs, by_points, places=12, msg=metric)

    def test_equal_masses_given_or_not_are_a_matching(self):
        x, y, _, _ = clouds(25, 25)
        M = ot.dist(x, y)
        given = ot.emd(ot.unif(25), ot.unif(25), M)
        np.testing.assert_array_equal(given, ot.emd([], [], M))
        self.assertEqual(np.count_nonzero(given), 25)

    def test_arrays_of_other_types_and_with_gaps_are_taken(self):
        x, y, a, b = clouds()
        M = ot.dist(x, y)
        cost = ot.emd2(a, b, M)
        wide = np.asfortranarray(np.repeat(M, 2, axis=1))[:, ::2]
        self.assertEqual(ot.emd2(list(a), b, wide), cost)
        self.assertAlmostEqual(ot.emd2(a, b, M.astype(np.float32)), cost, places=6)


class EntropicTests(unittest.TestCase):
    def test_golden(self):
        grid = np.arange(6.0)
        M = (grid[:, None] - grid[None, :]) ** 2
        a = np.array([1, 2, 3, 4, 5, 6]) / 21
        b = a[::-1].copy()
        self.assertAlmostEqual(ot.emd2(a, b, M), GOLDEN["emd2"], places=12)
        self.assertAlmostEqual(ot.sinkhorn2(a, b, M, 0.5), GOLDEN["sinkhorn2"], places=7)
        self.assertAlmostEqual(
            ot.sinkhorn_unbalanced(a, 2 * b, M, 0.5, 1.0).sum(), GOLDEN["unbalanced mass"], places=6)
        self.assertAlmostEqual(
            ot.wasserstein_1d(grid, grid + 0.5, a, b, p=2), GOLDEN["wasserstein_1d"], places=12)

    def test_small_strengths_are_safe_and_near_the_exact_cost(self):
        x, y, a, b = clouds()
        M = ot.dist(x, y)
        exact = ot.emd2(a, b, M)
        for method in ("sinkhorn", "newton"):
            found = ot.solve(M, 1e-4 * M.mean(), a, b, method=method, tol=1e-7)
            self.assertTrue(np.isfinite(found.plan).all())
            self.assertAlmostEqual(found.value_linear, exact, delta=1e-2 * exact)
            self.assertLess(found.marginal_error, 1e-6)

    def test_a_limit_that_comes_first_raises_with_the_state_reached(self):
        x, y, a, b = clouds()
        with self.assertRaisesRegex(ot.NotConverged, "^not-converged: after 1 iterations") as caught:
            ot.sinkhorn(a, b, ot.dist(x, y), 1e-3, numItermax=1)
        best = caught.exception.best
        self.assertFalse(best.is_converged)
        self.assertEqual(best.plan.shape, (30, 40))
        self.assertIsInstance(caught.exception, ferry.Error)

    def test_penalties_grow_into_marginals_that_must_be_met(self):
        x, y, a, b = clouds()
        M = ot.dist(x, y)
        balanced = ot.sinkhorn(a, b, M, 0.1)
        for kind in ("kl", "tv", "l2"):
            # A square costs little near its least: it needs more to hold.
            rho = 1e8 if kind == "l2" else 1e5
            plan = ot.sinkhorn_unbalanced(a, b, M, 0.1, rho, reg_m_type=kind)
            np.testing.assert_allclose(plan, balanced, atol=1e-5, err_msg=kind)
        half = ot.sinkhorn_unbalanced(a, b, M, 0.1, (float("inf"), 0.1))
        np.testing.assert_allclose(half.sum(axis=1), a, atol=1e-6)

    def test_log_has_the_names_of_pot(self):
        x, y, a, b = clouds()
        plan, log = ot.sinkhorn(a, b, ot.dist(x, y), 0.1, log=True)
        self.assertEqual(set(log), {"cost", "u", "v", "gap", "err", "niter"})
        self.assertAlmostEqual(log["cost"], (plan * ot.dist(x, y)).sum(), places=9)

    def test_the_coupling_is_applied_without_being_formed(self):
        x, y, a, b = clouds()
        found = ot.solve_sample(x, y, reg=0.1, a=a, b=b)
        v, w = np.linspace(0, 1, len(y)), np.linspace(1, 2, len(x))
        np.testing.assert_allclose(found @ v, found.plan @ v, rtol=1e-10)
        np.testing.assert_allclose(found.transpose_apply(w), found.plan.T @ w, rtol=1e-10)
        with self.assertRaisesRegex(ValueError, "^a vector of 3 for 40$"):
            found @ np.ones(3)

    def test_the_divergence_of_equal_clouds_is_none(self):
        x, y, a, _ = clouds()
        self.assertAlmostEqual(ot.sinkhorn_divergence(x, x, 0.5, a, a), 0, places=6)
        moved = ot.sinkhorn_divergence(x, x + 2, 0.5)
        self.assertAlmostEqual(moved, 8, places=3)


class LineTests(unittest.TestCase):
    def test_lines_are_sorted(self):
        generator = np.random.default_rng(3)
        x, y = generator.normal(size=50), generator.normal(size=50)
        for p in (1, 2, 3):
            expected = (abs(np.sort(x) - np.sort(y)) ** p).mean()
            self.assertAlmostEqual(ot.wasserstein_1d(x, y, p=p), expected, places=12)
        self.assertEqual(ot.emd2_1d(x, y), ot.wasserstein_1d(x, y, p=2))

    def test_slices_of_a_moved_cloud(self):
        x, _, _, _ = clouds(200)
        distance, log = ot.sliced_wasserstein_distance(
            x, x + [3, 4], n_projections=2000, log=True)
        self.assertAlmostEqual(log["cost"], 12.5, delta=5 * log["standard_error"])
        self.assertAlmostEqual(distance ** 2, log["cost"], places=9)
        again = ot.sliced_wasserstein_distance(x, x + [3, 4], n_projections=2000)
        self.assertEqual(distance, again)


def pot():
    """POT, where it is installed; its tests are skipped where it is not."""
    try:
        import ot as installed
    except ImportError:
        raise unittest.SkipTest("POT is not installed")
    return installed


class ProblemTests(unittest.TestCase):
    """Problems beside the linear one: what they must be by definition."""

    def test_a_part_moves_where_it_is_cheapest(self):
        x, y, a, b = clouds()
        M = ot.dist(x, y)
        before = 0
        for m in (0.1, 0.5, 0.9, 1):
            plan, log = ot.partial_wasserstein(a, b, M, m, log=True)
            self.assertAlmostEqual(plan.sum(), m, places=12)
            self.assertTrue((plan.sum(axis=1) <= a + 1e-12).all())
            self.assertTrue((plan.sum(axis=0) <= b + 1e-12).all())
            # What more costs rises with what has moved.
            self.assertGreater(log["cost"] / m, before)
            before = log["cost"] / m
            self.assertAlmostEqual(log["cost"], ot.partial_wasserstein2(a, b, M, m), places=12)
        self.assertAlmostEqual(log["cost"], ot.emd2(a, b, M), places=10)
        # Without a mass: what both sides have.
        self.assertAlmostEqual(ot.partial.partial_wasserstein(a, 2 * b, M).sum(), 1, places=12)
        soft = ot.entropic_partial_wasserstein(a, b, M, 0.01 * M.mean(), 0.5)
        self.assertAlmostEqual((soft * M).sum(), ot.partial_wasserstein2(a, b, M, 0.5), delta=0.05)

    def test_few_entries_a_column(self):
        x, y, _, _ = clouds(20, 20)
        M = ot.dist(x, y)
        plan = ot.smooth_ot_dual([], [], M, 0.5)
        np.testing.assert_allclose(plan.sum(axis=1), ot.unif(20), atol=1e-8)
        self.assertLess(np.count_nonzero(plan), 20 * 20)
        self.assertGreater((ot.smooth_ot_dual([], [], M, 50) > 0).sum(axis=0).max(), 2)
        few = ot.smooth.smooth_ot_dual([], [], M, 50, "sparsity_constrained", max_nz=2)
        self.assertLessEqual((few > 0).sum(axis=0).max(), 2)
        np.testing.assert_allclose(few.sum(axis=1), ot.unif(20), atol=1e-8)

    def test_a_turned_space_is_matched_to_itself(self):
        x, _, _, _ = clouds(12, 12, dimensions=3)
        turn, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
        order = np.random.default_rng(6).permutation(12)
        y = (x @ turn)[order]
        C1, C2 = ot.dist(x, metric="euclidean"), ot.dist(y, metric="euclidean")
        # The cost between the spaces leads to the right match of several stationary ones.
        M = (np.argsort(order)[:, None] != np.arange(12)) * 1.0
        plan, log = ot.fused_gromov_wasserstein(M, C1, C2, alpha=0.9, log=True)
        self.assertAlmostEqual(log["fgw_dist"], 0, places=10)
        np.testing.assert_array_equal(plan.argmax(axis=1), np.argsort(order))
        self.assertEqual(ot.fused_gromov_wasserstein2(M, C1, C2, alpha=0.9), log["fgw_dist"])
        # α = 0 is the linear problem; a part of a space is in the whole of it.
        self.assertAlmostEqual(
            ot.gromov.fused_gromov_wasserstein2(M, C1, C2, alpha=0), ot.emd2([], [], M), places=10)
        self.assertAlmostEqual(ot.partial_gromov_wasserstein(C1, C2, m=0.5).sum(), 0.5, places=10)
        soft = ot.entropic_gromov_wasserstein(C1, C2, epsilon=0.5)
        np.testing.assert_allclose(soft.sum(axis=1), ot.unif(12), atol=1e-6)
        self.assertGreater(ot.entropic_gromov_wasserstein2(C1, C2, epsilon=0.5), 0)
        self.assertGreaterEqual(ot.gromov_wasserstein2(C1, C2), -1e-12)
        self.assertEqual(ot.gromov_wasserstein(C1, C2).shape, (12, 12))

    def test_between_two_measures_lies_what_moved_half_way(self):
        # Of points: the middle of a cloud and the same cloud moved.
        x, _, _, _ = clouds(20)
        found, log = ot.free_support_barycenter(
            [x, x + [4, 2]], [None, ot.unif(20)], x + [1, 0], log=True)
        np.testing.assert_allclose(found, x + [2, 1], atol=1e-6)
        self.assertAlmostEqual(log["cost"], 5, places=6)
        quarter = ot.lp.free_support_barycenter([x, x + [4, 2]], None, x, weights=[3, 1])
        np.testing.assert_allclose(quarter, x + [1, 0.5], atol=1e-6)
        # Of masses on a line and on a grid: between two peaks is one.
        grid = np.linspace(0, 1, 41)
        M = (grid[:, None] - grid[None, :]) ** 2
        A = np.zeros((41, 2))
        A[4, 0] = A[36, 1] = 1
        middle = ot.barycenter(A, M, 0.002)
        self.assertEqual(middle.argmax(), 20)
        self.assertAlmostEqual(middle.sum(), 1, places=9)
        pictures = np.zeros((2, 21, 11))
        pictures[0, 2, 3] = pictures[1, 18, 7] = 1
        self.assertEqual(
            np.unravel_index(ot.convolutional_barycenter2d(pictures, 0.004).argmax(), (21, 11)),
            (10, 5))
        self.assertEqual(ot.bregman.barycenter(A, M, 0.002, weights=[1, 0]).argmax(), 4)

    def test_lines_circles_and_the_worst_direction(self):
        generator = np.random.default_rng(4)
        x, y = generator.random(30), generator.random(40)
        plan, log = ot.emd_1d(x, y, log=True)
        np.testing.assert_allclose(plan.sum(axis=1), ot.unif(30), atol=1e-12)
        self.assertAlmostEqual(log["cost"], ot.emd2_1d(x, y), places=12)
        # Round the circle is nearer than across: 0.95 and 0.05 are 0.1 apart.
        self.assertAlmostEqual(ot.wasserstein_circle([0.95], [0.05]), 0.1, places=12)
        self.assertAlmostEqual(ot.wasserstein_circle(0.1 * x, 0.1 * x + 0.25, p=2), 0.0625, places=9)
        cloud, _, _, _ = clouds(100)
        distance, log = ot.max_sliced_wasserstein_distance(cloud, cloud + [3, 4], log=True)
        self.assertAlmostEqual(distance, 5, places=3)
        np.testing.assert_allclose(abs(log["direction"]), [0.6, 0.8], atol=0.02)

    def test_normal_distributions(self):
        generator = np.random.default_rng(8)
        root = generator.normal(size=(3, 3))
        Cs, Ct = root @ root.T + np.eye(3), np.diag([1.0, 4, 9])
        self.assertAlmostEqual(
            ot.bures_wasserstein_distance([0, 0, 0], [2, 0, 0], Ct, np.eye(3)),
            (4 + 0 + 1 + 4) ** 0.5, places=9)
        A, b = ot.gaussian.bures_wasserstein_mapping([1, 2, 3], [0, 0, 1], Cs, Ct)
        np.testing.assert_allclose(A @ Cs @ A, Ct, atol=1e-9)
        np.testing.assert_allclose(np.array([1, 2, 3]) @ A + b, [0, 0, 1], atol=1e-12)

    def test_points_follow_the_coupling(self):
        x, _, _, _ = clouds(25)
        moved = ot.EMDTransport().fit_transform(x, x + [3, 0])
        np.testing.assert_allclose(moved, x + [3, 0], atol=1e-9)
        fitted = ot.da.EMDTransport().fit(x, x + [3, 0])
        np.testing.assert_allclose(fitted.transform(x[:2] + 0.01), x[:2] + [3.01, 0.01], atol=1e-9)
        soft = ot.SinkhornTransport(reg_e=0.5).fit(x, x + [3, 0])
        np.testing.assert_allclose(
            soft.transform(x),
            soft.coupling_ @ (x + [3, 0]) / soft.coupling_.sum(axis=1, keepdims=True), atol=1e-9)
        self.assertTrue(soft.solution_.is_converged)


class SelectTests(unittest.TestCase):
    def samples(self):
        generator = np.random.default_rng(9)
        pool = generator.normal(size=(90, 4)) * [1, 50, 1, 1]
        targets = generator.normal(size=(12, 4)) * [1, 50, 1, 1]
        # Every third of the pool is like the targets.
        pool[::3, 0] += 8
        targets[:, 0] += 8
        return pool, targets

    def test_what_is_like_the_targets_is_chosen(self):
        pool, targets = self.samples()
        for features in ("whitened", "plain"):
            rows, log = ot.select(pool, targets, 15, features=features, log=True)
            self.assertEqual(len(set(rows.tolist())), 15)
            self.assertEqual(rows.dtype, np.intp)
            # As they are, what varies most hides what is alike.
            self.assertEqual((rows % 3 == 0).all(), features == "whitened")
            self.assertGreater(log["distance"], 0)
        # One more starts with the layers that were whole before.
        few = ot.select(pool, targets, 5, project=3, seed=2)
        self.assertEqual(few.tolist(), ot.select(pool, targets, 5, project=3, seed=2).tolist())

    def test_as_many_as_come_nearer(self):
        pool, targets = self.samples()
        rows = ot.select(pool, targets, folds=4)
        self.assertTrue((rows % 3 == 0).all() and (np.diff(rows) > 0).all())
        self.assertGreater(len(rows), 3)


class PeerTests(unittest.TestCase):
    """The same calls, here and in POT."""

    def test_exact_problems(self):
        peer = pot()
        x, y, a, b = clouds()
        M = ot.dist(x, y)
        self.assertAlmostEqual(
            ot.partial_wasserstein2(a, b, M, 0.4), peer.partial.partial_wasserstein2(a, b, M, 0.4),
            places=9)
        np.testing.assert_allclose(ot.emd_1d(x[:, 0], y[:, 0], a, b),
                                   peer.emd_1d(x[:, 0], y[:, 0], a, b), atol=1e-12)
        u, v = np.random.default_rng(1).random((2, 25))
        for p in (1, 2):
            self.assertAlmostEqual(
                ot.wasserstein_circle(u, v, p=p), float(np.ravel(peer.wasserstein_circle(u, v, p=p))[0]),
                places=6)
        Cs, Ct = np.cov(x.T), np.cov(y.T)
        self.assertAlmostEqual(
            ot.bures_wasserstein_distance(x.mean(0), y.mean(0), Cs, Ct),
            peer.gaussian.bures_wasserstein_distance(x.mean(0), y.mean(0), Cs, Ct), places=9)
        ours = ot.bures_wasserstein_mapping(x.mean(0), y.mean(0), Cs, Ct)
        theirs = peer.gaussian.bures_wasserstein_mapping(x.mean(0), y.mean(0), Cs, Ct)
        for one, other in zip(ours, theirs):
            np.testing.assert_allclose(one, np.reshape(other, one.shape), atol=1e-9)

    def test_quadratic_problems(self):
        peer = pot()
        x, y, _, _ = clouds(15, 15)
        C1, C2 = ot.dist(x, metric="euclidean"), ot.dist(y, metric="euclidean")
        M, p = ot.dist(x, y), ot.unif(15)
        # Both end where no small change helps; the objective is that of POT at our coupling.
        for alpha in (0.2, 0.5):
            plan, log = ot.fused_gromov_wasserstein(M, C1, C2, p, p, alpha=alpha, log=True)
            tensor, h1, h2 = peer.gromov.init_matrix(C1, C2, p, p, "square_loss")
            quadratic = peer.gromov.gwloss(tensor, h1, h2, plan)
            self.assertAlmostEqual(
                log["fgw_dist"], (1 - alpha) * (M * plan).sum() + alpha * quadratic, places=9)
            theirs = peer.fused_gromov_wasserstein2(M, C1, C2, p, p, alpha=alpha)
            self.assertAlmostEqual(log["fgw_dist"], theirs, delta=1e-3 * abs(theirs))
        # Strong entropy has one fixed point.
        np.testing.assert_allclose(
            ot.entropic_gromov_wasserstein(C1, C2, p, p, epsilon=5),
            peer.gromov.entropic_gromov_wasserstein(
                C1, C2, p, p, "square_loss", epsilon=5), atol=1e-6)

    def test_entropic_problems(self):
        peer = pot()
        x, y, _, _ = clouds(30, 30)
        M, p = ot.dist(x, y), ot.unif(30)
        np.testing.assert_allclose(
            ot.entropic_partial_wasserstein(p, p, M, 1.0, 0.5),
            peer.partial.entropic_partial_wasserstein(p, p, M, 1.0, 0.5, stopThr=1e-14),
            atol=1e-7)
        np.testing.assert_allclose(
            ot.smooth_ot_dual(p, p, M, 1.0),
            peer.smooth.smooth_ot_dual(p, p, M, 1.0, reg_type="l2", stopThr=1e-14), atol=1e-4)
        grid = np.linspace(0, 1, 30)
        line = (grid[:, None] - grid[None, :]) ** 2
        A = np.stack([np.exp(-(grid - c) ** 2 / 0.01) for c in (0.2, 0.7)], axis=1)
        A /= A.sum(axis=0)
        np.testing.assert_allclose(
            ot.barycenter(A, line, 0.01, stopThr=1e-9),
            peer.bregman.barycenter(A, line, 0.01, stopThr=1e-12, numItermax=100_000), atol=1e-5)
        np.testing.assert_allclose(
            ot.free_support_barycenter([x, y], [p, p], x),
            peer.lp.free_support_barycenter([x, y], [p, p], x, numItermax=200), atol=1e-5)
        np.testing.assert_allclose(
            ot.EMDTransport().fit_transform(x, y),
            peer.da.EMDTransport().fit(Xs=x, Xt=y).transform(Xs=x), atol=1e-9)


class RefusalTests(unittest.TestCase):
    def test_what_makes_no_sense_is_one_sentence(self):
        x, y, a, b = clouds()
        M = ot.dist(x, y)
        bad = M.copy()
        bad[2, 3] = np.nan
        for message, call in {
            "cost-out-of-range: the cost is nan (row 2, column 3). Costs must be finite: scale huge "
            "coordinates down, leave out what is NaN.": lambda: ot.emd(a, b, bad),
            "a has 29 masses for 30 points": lambda: ot.emd(a[1:], b, M),
            "M must have 2 dimensions, got the shape (30,)": lambda: ot.emd(a, b, M[:, 0]),
            "X_a has points of 2 dimensions, X_b of 1":
                lambda: ot.solve_sample(x, y[:, :1]),
            "metric must be one of sqeuclidean, euclidean, cityblock, cosine, got 'hamming'":
                lambda: ot.solve_sample(x, y, metric="hamming"),
            "method must be one of exact, sinkhorn, newton, got 'sinkhorn_log'":
                lambda: ot.sinkhorn(a, b, M, 0.1, method="sinkhorn_log"),
            "without reg there is the exact method alone; give reg above 0":
                lambda: ot.solve(M, method="newton"),
            "the coupling is not held sparsely; ask for ferry_ot_coupling":
                lambda: ot.solve(M, 0.1).sparse_plan,
            "penalties are of FERRY_OT_SINKHORN alone":
                lambda: ot.solve(M, 0.1, unbalanced=1.0, method="newton"),
            "mass-out-of-range: 2.0 is to move, of 1.0 in rows and 1.0 in columns (partial "
            "transport). Give a mass above 0, and no more than both sides have.":
                lambda: ot.partial_wasserstein([], [], M, 2.0),
            "max_nz is None with reg_type 'sparsity_constrained'; both go together":
                lambda: ot.smooth_ot_dual(a, b, M, 1.0, "sparsity_constrained"),
            "C1 must be square, got the shape (30, 40)": lambda: ot.gromov_wasserstein(M, M),
            "loss_fun must be one of square_loss, got 'kl_loss'":
                lambda: ot.gromov_wasserstein(M, M, loss_fun="kl_loss"),
            "this kind of problem has no potentials":
                lambda: _found_of_gromov(x).potentials,
            "this is between points; problem.costs must be NULL":
                lambda: ot.solve(M).transform(x),
            "points of 1 dimensions for 2": lambda: ot.solve_sample(x, y).transform(x[:, :1]),
            "M has the shape (30, 40) for 40 points": lambda: ot.barycenter(M.T, M, 1.0),
            "pool has points of 2 dimensions, targets of 1":
                lambda: ot.select(x, y[:, :1], 3),
            "setting-out-of-range: 99 of 30 samples (selection). Choose at least 1, and at most "
            "what the pool has.": lambda: ot.select(x, y, 99),
            "count must be at least 1, got 0": lambda: ot.select(x, y, 0),
            "ys must be 30 whole numbers, got float64 of the shape (30,)":
                lambda: ot.SinkhornL1l2Transport().fit(x, a, y),
            "labels_a must be 30 whole numbers, got int64 of the shape (40,)":
                lambda: ot.sinkhorn_l1l2_gl(a, np.arange(40), b, M, 1.0),
            "0 clusters of 20 points for 1 measures; there must be at least 1 of each":
                lambda: ot.wasserstein_kmeans([x], 0),
            "measures_locations of 1 dimensions, the first of 2":
                lambda: ot.wasserstein_kmeans([x, y[:, :1]], 1),
            "M has the shape (30, 40) for measures of [30, 30]":
                lambda: ot.multi_marginal(M, [a, a], 1.0),
            "M has the shape (30, 40) for 3 measures":
                lambda: ot.multi_marginal(M, [a, b, b], 1.0),
            "setting-out-of-range: more than 16777216 combinations (multi-marginal). Take fewer points "
            "or measures: every combination has a cost.":
                lambda: ot.multi_marginal(np.zeros((4097, 4096)), [ot.unif(4097), ot.unif(4096)], 1.0),
            "setting-out-of-range: the group strength is -1.0, the tolerance 1e-06 and stepsMax 500 "
            "(group-lasso transport). Give a finite strength of at least 0, and others above 0.":
                lambda: ot.sinkhorn_l1l2_gl(a, np.arange(30), b, M, 1.0, -1.0),
        }.items():
            with self.assertRaises(ValueError, msg=message) as caught:
                call()
            self.assertEqual(str(caught.exception), message)


def _found_of_gromov(x):
    """A solution of a quadratic problem, which functions of POT's names give no way to."""
    from ferry import _transport
    C = ot.dist(x)
    problem = _transport._Quadratic(
        ctypes.sizeof(_transport._Quadratic), len(C), len(C), _transport._at(C), _transport._at(C),
        None, 1.0, None, None, 0.0)
    return _transport._solution("gromov", C.shape, problem, _transport._settings("exact"))


# From POT 0.9.7: emd2, sinkhorn2 (stopThr 1e-12), sinkhorn_unbalanced (reg 0.5, reg_m 1, stopThr
# 1e-12), wasserstein_1d.
GOLDEN = {
    "emd2": 3.285714285714285,
    "sinkhorn2": 3.3823074077506767,
    "unbalanced mass": 0.948610449159872,
    "wasserstein_1d": 1.8690476190476182,
}

if __name__ == "__main__":
    unittest.main()
