// SPDX-License-Identifier: Apache-2.0
//
// Loops of optimal transport beside those over one row of costs: sorting, projections, candidate
// lists, small matrix products. The conventions are those of `ckernels.h`.
#ifndef CKERNELS_PROBLEMS_H
#define CKERNELS_PROBLEMS_H
#include <stddef.h>
#include <stdint.h>

// Sorts numbers ascending: a radix sort of order-preserving keys, 11 bits a pass; digits that all
// share are skipped. NaNs go to the ends, by their signs; both zeros become +0. `other`, and the `keys`
// of f32, hold n each and are scratch. n < 2^32.
void ferry_sort_f64(double *x, uint64_t *other, size_t n);
void ferry_sort_f32(float *x, uint32_t *keys, uint32_t *other, size_t n);

// The same, stable, with each number's place of before in `order`; x becomes sorted. n < 2^31.
void ferry_sort_places_f64(
    double *x, int32_t *order, uint64_t *keys, uint64_t *other, int32_t *other_order, size_t n);

// The sum of |x[i] - y[i]| (power 1) or of its square (power 2).
double ferry_difference_sum_f64(int power, const double *x, const double *y, size_t n);
double ferry_difference_sum_f64_generic(int power, const double *x, const double *y, size_t n);
// The same of f32, differences and sums in f64.
double ferry_difference_sum_f32(int power, const float *x, const float *y, size_t n);
double ferry_difference_sum_f32_generic(int power, const float *x, const float *y, size_t n);

// Four projections of n points: out[l * n + i] = sum over k of directions[l * d + k] times
// coordinate k of point i. The points lie in tiles of 16: tiles[((i / 16) * d + k) * 16 + i % 16],
// the last filled up with anything.
void ferry_project_four_f32(
    const float *tiles, const float *directions, size_t d, float *out, size_t n);
void ferry_project_four_f32_generic(
    const float *tiles, const float *directions, size_t d, float *out, size_t n);

// The k least of c[j] - v[j] in no order, their places in `index` and their c[j] in `cost`; k < n.
// Gives the least c[j] - v[j] of the others. `keys` and `places` are scratch, 2 k + 34 each.
double ferry_k_least_f64(
    const double *c, const double *v, size_t n, size_t k, int32_t *index, double *cost,
    double *keys, int32_t *places);
double ferry_k_least_f64_generic(
    const double *c, const double *v, size_t n, size_t k, int32_t *index, double *cost,
    double *keys, int32_t *places);

// out[n, m] = a[n, k] b[k, m], row after row; sums run in the order of k.
void ferry_product_f64(
    const double *a, const double *b, double *out, size_t n, size_t k, size_t m);
void ferry_product_f64_generic(
    const double *a, const double *b, double *out, size_t n, size_t k, size_t m);

// Nodes of a polynomial an axis, and zeros on each side of a kernel of an axis.
#define FERRY_GRID_NODES 12
#define FERRY_GRID_MARGIN 4

// Places n coordinates x[i * x_stride] on an axis: t = (x - low) rate lies in one of `cells` cells, and
// the weights of its 12 nodes, the first of which has the cell's number, go to weights[i * weights_stride].
// starts[i] += node_stride times the cell.
void ferry_grid_place_f64(
    const double *x, size_t x_stride, double low, double rate, size_t cells, size_t node_stride,
    double *weights, size_t weights_stride, int32_t *starts, size_t n);
void ferry_grid_place_f64_generic(
    const double *x, size_t x_stride, double low, double rate, size_t cells, size_t node_stride,
    double *weights, size_t weights_stride, int32_t *starts, size_t n);
// Adds values to the nodes around their points, of 1 to 3 dimensions with 12 weights each, and reads
// points off their nodes. Nodes of the first of 3 axes are `outer` apart, of the last but one `inner`.
void ferry_grid_spread_f64(
    const double *weights, const int32_t *starts, const double *values, size_t dimensions,
    size_t outer, size_t inner, double *grid, size_t n);
void ferry_grid_spread_f64_generic(
    const double *weights, const int32_t *starts, const double *values, size_t dimensions,
    size_t outer, size_t inner, double *grid, size_t n);
void ferry_grid_gather_f64(
    const double *weights, const int32_t *starts, const double *grid, size_t dimensions,
    size_t outer, size_t inner, double *out, size_t n);
void ferry_grid_gather_f64_generic(
    const double *weights, const int32_t *starts, const double *grid, size_t dimensions,
    size_t outer, size_t inner, double *out, size_t n);
// out[inner, count]: the sums over k of kernel(|i - k|) in[k, j] for j of from..<to, turned, so that the
// next axis comes first. The kernel has 2 reach + 1 values and 4 zeros on each side.
void ferry_grid_axis_f64(
    const double *kernel, size_t reach, const double *in, size_t count, size_t inner, size_t from,
    size_t to, double *out);
void ferry_grid_axis_f64_generic(
    const double *kernel, size_t reach, const double *in, size_t count, size_t inner, size_t from,
    size_t to, double *out);
#endif
