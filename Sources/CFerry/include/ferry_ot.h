// SPDX-License-Identifier: Apache-2.0
//
// Optimal transport from C: moves masses of rows to columns at least cost, and proves it. No group is
// needed. A part of ferry.h, which includes it.
//
//     struct ferry_ot_problem problem = {.size = sizeof problem, .rows = n, .columns = m, .costs = c};
//     ferry_ot_solution *solution;
//     if (ferry_ot_solve(&problem, NULL, &solution) != FERRY_OK) fail(ferry_last_error());
//     ferry_ot_certificate(solution, &proof);

#ifndef FERRY_OT_H
#define FERRY_OT_H
#include "ferry.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a solver found. To be given to ferry_ot_free; may be read from several threads.
typedef struct ferry_ot_solution ferry_ot_solution;

// Of moving one unit of mass between two points: the squared distance (without a factor 1/2), the
// distance, the sum of the coordinates' differences, one minus the cosine.
enum ferry_ot_cost {
  FERRY_OT_SQUARED_EUCLIDEAN = 0, FERRY_OT_EUCLIDEAN = 1, FERRY_OT_MANHATTAN = 2,
  FERRY_OT_COSINE = 3,
};

// Without entropy; with entropy by scaling; the same by Newton's steps.
enum ferry_ot_method { FERRY_OT_EXACT = 0, FERRY_OT_SINKHORN = 1, FERRY_OT_NEWTON = 2 };

// What it costs that a row or column moves another mass r than its a, with a strength rho:
// rho (r log(r/a) - r + a), rho |r - a|, rho/2 (r - a)^2. Of FERRY_OT_SINKHORN alone.
enum ferry_ot_penalty {
  FERRY_OT_MUST_MEET = 0, FERRY_OT_KULLBACK_LEIBLER = 1, FERRY_OT_TOTAL_VARIATION = 2,
  FERRY_OT_SQUARES = 3,
};

struct ferry_ot_problem {
  size_t size;
  size_t rows;
  size_t columns;
  // [rows, columns]; NULL: the costs are between points.
  const double *costs;
  // [rows, dimensions] and [columns, dimensions]; not looked at where there are costs.
  const double *row_points;
  const double *column_points;
  size_t dimensions;
  uint32_t cost;
  // At least 0, one for each, at most 1e25 in all; NULL: equal masses, with the other side's total or 1.
  const double *row_masses;
  const double *column_masses;
  uint32_t row_penalty;
  uint32_t column_penalty;
  double row_strength;
  double column_strength;
};

struct ferry_ot_options {
  size_t size;
  uint32_t method;
  // 0: all cores. Results are the same bits for every count.
  uint32_t threads;
  // Strength of the entropy eps KL(P | a b^T), in the unit of cost, or as a share of the mean cost.
  double epsilon;
  bool is_share;
  // When to end; 0: the solver's own. The marginal error, L1 over both sides, as a share of the mass,
  // below 2, unless the function says otherwise. An exact solution has none: it stays 0.
  double tolerance;
  // 0: the solver's own. Of an exact solution, pivots of the simplex; an assignment ends by itself.
  uint64_t iterations_max;
};

// What proves a solution, measured on what is returned. Errors are in L1, in mass.
struct ferry_ot_certificate {
  // <C, P>, without entropy and penalties.
  double cost;
  // The objective at the coupling and at the potentials: no coupling has less than the dual.
  double primal;
  double dual;
  double row_error;
  double column_error;
  double mass;
  // In the unit of cost; 0 without entropy.
  double epsilon;
  uint64_t iterations;
  // Of a coupling held sparsely (exact solvers); 0 of others.
  size_t entries;
  bool is_converged;
};

// Solves; `options` may be NULL: exactly. After FERRY_NOT_CONVERGED `solution` is the state reached,
// to be freed as well, or NULL where there is none; after any other failure it is NULL.
ferry_status ferry_ot_solve(
    const struct ferry_ot_problem *problem, const struct ferry_ot_options *options,
    ferry_ot_solution **solution);

ferry_status ferry_ot_certificate(
    const ferry_ot_solution *solution, struct ferry_ot_certificate *certificate);

// Every entry of the coupling, [rows, columns].
ferry_status ferry_ot_coupling(const ferry_ot_solution *solution, double *masses);

// The entries of a coupling held sparsely, row after row: `entries` of the certificate of each.
ferry_status ferry_ot_entries(
    const ferry_ot_solution *solution, size_t *rows, size_t *columns, double *masses);

// The potentials, [rows] and [columns]; either may be NULL. FERRY_BAD_ARGUMENT where there are none.
ferry_status ferry_ot_potentials(const ferry_ot_solution *solution, double *rows, double *columns);

// P x, [rows], of x: [columns]; or, transposed, [columns] of [rows]. The coupling is not formed.
ferry_status ferry_ot_apply(
    const ferry_ot_solution *solution, bool transposed, const double *x, double *result);

void ferry_ot_free(ferry_ot_solution *solution);

// The Sinkhorn divergence of two weighted clouds of points, in cost.
ferry_status ferry_ot_divergence(
    const struct ferry_ot_problem *problem, const struct ferry_ot_options *options, double *value);

// The least cost on a line at |x - y|^power, power >= 1; masses as above. No root is taken.
ferry_status ferry_ot_line(
    const double *x, size_t rows, const double *y, size_t columns, const double *row_masses,
    const double *column_masses, double power, double *cost);

// The mean of that over projections on random lines, and its standard error.
ferry_status ferry_ot_sliced(
    const struct ferry_ot_problem *problem, size_t directions, double power, uint64_t seed,
    double *cost, double *standard_error);

// What moves when so much of the mass moves that both sides have, above 0; totals may differ.
// FERRY_OT_EXACT, or FERRY_OT_SINKHORN with options.epsilon in the unit of cost.
ferry_status ferry_ot_partial(
    const struct ferry_ot_problem *problem, const struct ferry_ot_options *options, double mass,
    ferry_ot_solution **solution);

// With options.epsilon / 2 times the sum of squared entries instead of entropy, so that the coupling is
// sparse; entries_max above 0: with at most so many entries in each column.
ferry_status ferry_ot_smooth(
    const struct ferry_ot_problem *problem, const struct ferry_ot_options *options,
    size_t entries_max, ferry_ot_solution **solution);

// Matches two spaces by their inner distances: minimizes
// (1 - alpha) <M, P> + alpha sum_ijkl (A_ik - B_jl)^2 P_ij P_kl.
struct ferry_ot_quadratic {
  size_t size;
  size_t rows;
  size_t columns;
  // A, [rows, rows], and B, [columns, columns], both symmetric.
  const double *row_distances;
  const double *column_distances;
  // M, [rows, columns]; NULL: alpha is 1 and not looked at.
  const double *costs;
  double alpha;
  // NULL: equal masses, 1 in all.
  const double *row_masses;
  const double *column_masses;
  // How much is to move; 0: all.
  double mass;
};

// FERRY_OT_EXACT: a coupling that no small change makes better, which is not the best one for sure;
// the certificate's gap is what a change could gain to first order, no bound; options.tolerance is one
// for it, as a share of the objective's scale. FERRY_OT_SINKHORN: with
// entropy, and without a gap (the dual is NaN). There are no potentials.
ferry_status ferry_ot_gromov(
    const struct ferry_ot_quadratic *problem, const struct ferry_ot_options *options,
    ferry_ot_solution **solution);

// Between points at squared distances, where only the mean of where a row's mass goes counts: minimizes
// sum_i a_i |x_i - mean_i|^2. The certificate's cost is that; its tolerance is a gap, as a share of the
// mean squared distance. There are no potentials.
ferry_status ferry_ot_weak(
    const struct ferry_ot_problem *problem, const struct ferry_ot_options *options,
    ferry_ot_solution **solution);

// With entropy of options.epsilon and, for each column, strength times the sum over groups of the root
// of the group's squared entries, so that a column takes its mass from few groups. groups: [rows]; rows
// below 0 are in none. options.tolerance is a gap, as a share of the objective.
ferry_status ferry_ot_group_lasso(
    const struct ferry_ot_problem *problem, const struct ferry_ot_options *options,
    const int64_t *groups, double strength, ferry_ot_solution **solution);

// The same with strength times the sum, over columns and classes, of (s + 0.001)^(1/2), where s is the
// mass that the column has from the class: a concave term, linearized at the coupling so far, as often
// as given. classes: [rows]; below 0 is unknown. options are of each linearized problem; primal and dual
// of the last one.
ferry_status ferry_ot_class_roots(
    const struct ferry_ot_problem *problem, const struct ferry_ot_options *options,
    const int64_t *classes, double strength, size_t linearizations, ferry_ot_solution **solution);

// Between points on a line, as ferry_ot_line, with the coupling.
ferry_status ferry_ot_line_solve(
    const double *x, size_t rows, const double *y, size_t columns, const double *row_masses,
    const double *column_masses, double power, ferry_ot_solution **solution);

// The same on a circle of that length, with no potentials.
ferry_status ferry_ot_circle(
    const double *x, size_t rows, const double *y, size_t columns, const double *row_masses,
    const double *column_masses, double length, double power, ferry_ot_solution **solution);

// The greatest cost over projections that was found, climbing from the best of some random ones;
// direction: [dimensions], or NULL.
ferry_status ferry_ot_sliced_greatest(
    const struct ferry_ot_problem *problem, size_t directions, double power, uint64_t seed,
    double *cost, double *direction);

// Between normal distributions: means [dimensions], covariances [dimensions, dimensions]. The cost is
// the squared distance; map, or NULL: A, [dimensions, dimensions], of x -> mean_b + A (x - mean_a).
ferry_status ferry_ot_gaussian(
    size_t dimensions, const double *mean_a, const double *covariance_a, const double *mean_b,
    const double *covariance_b, double *cost, double *map);

// Where points go, [count, dimensions] both, by a solution between points. With entropy: to the means
// of where their mass would go. Else: as their nearest row does, which goes to the mean of its mass.
ferry_status ferry_ot_map(
    const ferry_ot_solution *solution, const double *points, size_t count, double *images);

// The measure whose weighted mean cost to others is least, with entropy of options.epsilon: `measures`,
// [count, points], lie on points whose costs are symmetric, [points, points]; masses: [points]. Weights
// may be NULL. Measures, weights and masses add up to 1 each, or are scaled so.
ferry_status ferry_ot_barycenter(
    const double *costs, size_t points, const double *measures, size_t count,
    const double *weights, const struct ferry_ot_options *options, double *masses);

// Of pictures, [count, rows, columns], at squared distances; the longer side has a length of 1.
ferry_status ferry_ot_picture_barycenter(
    const double *pictures, size_t count, size_t rows, size_t columns, const double *weights,
    const struct ferry_ot_options *options, double *masses);

// The points whose mean squared transport cost to clouds is least: `points` holds the clouds one after
// the other, `counts` points each; `masses` (or NULL: equal ones) likewise. `support_points`,
// [support, dimensions], are the start, and then the result; support_masses stay, or are NULL.
ferry_status ferry_ot_free_barycenter(
    const double *points, const double *masses, const size_t *counts, size_t clouds,
    size_t dimensions, const double *weights, double *support_points,
    const double *support_masses, size_t support, const struct ferry_ot_options *options,
    double *cost);

// k-means of clouds, given as above: each belongs to the nearest center, and centers, of `support`
// points of equal masses, are the barycenters of what belongs to them. cluster_of: [clouds];
// centers: [clusters, support, dimensions]; cost, or NULL: the mean squared transport cost to them.
// options.tolerance is that of a barycenter. The first centers are drawn.
ferry_status ferry_ot_clusters(
    const double *points, const double *masses, const size_t *counts, size_t clouds,
    size_t dimensions, size_t clusters, size_t support, uint64_t seed,
    const struct ferry_ot_options *options, size_t *cluster_of, double *centers, double *cost);

// Between more than two measures, with entropy of options.epsilon relative to their product: `costs` has
// one for each combination of their points, 2^24 at most, the last measure's index fastest; `masses`
// holds the `sides` measures one after the other, `counts` masses each, each scaled to 1. coupling: as
// the costs; potentials, as the masses, and the certificate, whose row_error is of all sides, may be NULL.
ferry_status ferry_ot_multi(
    const double *costs, const size_t *counts, size_t sides, const double *masses,
    const struct ferry_ot_options *options, double *coupling, double *potentials,
    struct ferry_ot_certificate *certificate);

// Which samples of a pool serve some targets best (TAROT), as `ferry ot select`.
struct ferry_ot_selection {
  size_t size;
  // [pool, dimensions] and [targets, dimensions].
  const double *pool_samples;
  const double *target_samples;
  size_t pool;
  size_t targets;
  size_t dimensions;
  // How many to choose; 0: as many as come nearer to targets not looked at, in so many folds.
  size_t count;
  size_t folds;
  // Compares samples as they are; else so that no direction counts for more because it varies more.
  bool is_plain;
  // Projects to so many coordinates at random first; 0: not at all.
  size_t projected;
  uint64_t seed;
};

// `rows`: room for `pool` numbers; `count` of them are written, by layers or, of folds, ascending.
// distance, or NULL: from the chosen to the targets, with entropy.
ferry_status ferry_ot_select(
    const struct ferry_ot_selection *selection, size_t *rows, size_t *count, double *distance);

#ifdef __cplusplus
}
#endif
#endif
