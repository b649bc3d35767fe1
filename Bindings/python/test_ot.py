# SPDX-License-Identifier: Apache-2.0
"""Run by `swift test` where numpy is, or by hand: python3 -m unittest -v test_ot (in this folder).

Numbers named golden were worked out by POT 0.9.7 on the same inputs.
"""

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
        }.items():
            with self.assertRaises(ValueError, msg=message) as caught:
                call()
            self.assertEqual(str(caught.exception), message)


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
