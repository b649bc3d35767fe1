// SPDX-License-Identifier: Apache-2.0
//
// Loops over host memory, compiled twice: once for the baseline CPU (`_generic`) and once for a
// wide one that is chosen at run time. Both give the same bits, on every machine: replicas compare
// hashes of what these loops write.
//
// Pointers of different parameters must not overlap; a count of 0 allows null.
#ifndef CKERNELS_H
#define CKERNELS_H
#include <stddef.h>
#include <stdint.h>
#include "ckernels_problems.h"

// The name of the build that runs here: "avx2" or "generic".
const char *ferry_kernel_build(void);

// Where a parameter is `void`, its elements may have any alignment: bytes off a link are used in
// place.

// y[i] += x[i], bfloat16 to floats
void ferry_accumulate_bf16(const void *x, void *y, size_t n);
void ferry_accumulate_bf16_generic(const void *x, void *y, size_t n);

// y[i] *= scale
void ferry_scale_f32(float scale, float *y, size_t n);
void ferry_scale_f32_generic(float scale, float *y, size_t n);

// y[i] += scale * x[i], the product rounded before the sum
void ferry_axpy_f32(float scale, const float *x, float *y, size_t n);
void ferry_axpy_f32_generic(float scale, const float *x, float *y, size_t n);

// The index of the first infinity or NaN, or n.
size_t ferry_first_nonfinite_f32(const float *x, size_t n);
size_t ferry_first_nonfinite_f32_generic(const float *x, size_t n);

// The index of the first bfloat16 that is an infinity or NaN, or n.
size_t ferry_first_nonfinite_bf16(const void *x, size_t n);
size_t ferry_first_nonfinite_bf16_generic(const void *x, size_t n);

// Round to nearest, ties to even; a NaN stays a NaN and becomes quiet.
void ferry_f32_to_bf16(const void *x, void *y, size_t n);
void ferry_f32_to_bf16_generic(const void *x, void *y, size_t n);
void ferry_bf16_to_f32(const void *x, void *y, size_t n);
void ferry_bf16_to_f32_generic(const void *x, void *y, size_t n);
void ferry_f32_to_f16(const void *x, void *y, size_t n);
void ferry_f32_to_f16_generic(const void *x, void *y, size_t n);
void ferry_f16_to_f32(const void *x, void *y, size_t n);
void ferry_f16_to_f32_generic(const void *x, void *y, size_t n);

// y[i] = fold(x[i], z[i]), in elements of the type; `Fold` in Swift says what the folds mean. `y` is
// `x`, or overlaps neither.
enum { FERRY_SUM = 1, FERRY_PRODUCT, FERRY_MIN, FERRY_MAX };
enum {
  FERRY_F32 = 1, FERRY_F64, FERRY_F16, FERRY_BF16, FERRY_I8, FERRY_I16, FERRY_I32, FERRY_I64,
  FERRY_U8, FERRY_U16, FERRY_U32, FERRY_U64, FERRY_BOOL
};
void ferry_fold(int element, int fold, const void *x, const void *z, void *y, size_t n);
void ferry_fold_generic(
    int element, int fold, const void *x, const void *z, void *y, size_t n);

// Blocks of int8 codes, each after its step: `int8_block.h` says how. The encoders return the
// index of the first infinity or NaN (then `out` is unfinished), or n.
size_t ferry_int8_encode_nearest(const float *x, size_t n, size_t block, uint8_t *out);
size_t ferry_int8_encode_nearest_generic(const float *x, size_t n, size_t block, uint8_t *out);
size_t ferry_int8_encode_stochastic(
    const float *x, size_t n, size_t block, uint64_t seed, uint8_t *out);
size_t ferry_int8_encode_stochastic_generic(
    const float *x, size_t n, size_t block, uint64_t seed, uint8_t *out);

// The index of the first element whose block no encoder writes, or n. Run it before decoding.
size_t ferry_int8_check(const uint8_t *in, size_t n, size_t block);
size_t ferry_int8_check_generic(const uint8_t *in, size_t n, size_t block);

// y[i] = decoded[i], and y[i] += decoded[i].
void ferry_int8_decode(const uint8_t *in, size_t n, size_t block, float *y);
void ferry_int8_decode_generic(const uint8_t *in, size_t n, size_t block, float *y);
void ferry_int8_decode_accumulate(const uint8_t *in, size_t n, size_t block, float *y);
void ferry_int8_decode_accumulate_generic(const uint8_t *in, size_t n, size_t block, float *y);

// The same with int4 codes, two a byte: `int4_block.h` says how.
size_t ferry_int4_encode_nearest(const float *x, size_t n, size_t block, uint8_t *out);
size_t ferry_int4_encode_nearest_generic(const float *x, size_t n, size_t block, uint8_t *out);
size_t ferry_int4_encode_stochastic(
    const float *x, size_t n, size_t block, uint64_t seed, uint8_t *out);
size_t ferry_int4_encode_stochastic_generic(
    const float *x, size_t n, size_t block, uint64_t seed, uint8_t *out);
size_t ferry_int4_check(const uint8_t *in, size_t n, size_t block);
size_t ferry_int4_check_generic(const uint8_t *in, size_t n, size_t block);
void ferry_int4_decode(const uint8_t *in, size_t n, size_t block, float *y);
void ferry_int4_decode_generic(const uint8_t *in, size_t n, size_t block, float *y);
void ferry_int4_decode_accumulate(const uint8_t *in, size_t n, size_t block, float *y);
void ferry_int4_decode_accumulate_generic(const uint8_t *in, size_t n, size_t block, float *y);

// The indices, ascending, of the k <= n values of largest magnitude; of equal ones, the first.
// Returns the index of the first infinity or NaN (then `indices` is unfinished), or n < 2^32.
size_t ferry_top_k_select(const float *x, size_t n, size_t k, uint32_t *indices);
size_t ferry_top_k_select_generic(const float *x, size_t n, size_t k, uint32_t *indices);

// Bytes that lie in blocks at nested strides, one after the other (`packed`) and back. Level 0 is a
// block of counts[0] bytes; level i > 0 repeats what is below it counts[i] times, strides[i] bytes
// apart. `wide` is where the first block begins. Up to FERRY_STRIDED_LEVELS_MAX levels, all counts
// at least 1.
#define FERRY_STRIDED_LEVELS_MAX 32
void ferry_strided_pack(
    const void *wide, void *packed, size_t levels, const ptrdiff_t *counts,
    const ptrdiff_t *strides);
void ferry_strided_pack_generic(
    const void *wide, void *packed, size_t levels, const ptrdiff_t *counts,
    const ptrdiff_t *strides);
void ferry_strided_unpack(
    const void *packed, void *wide, size_t levels, const ptrdiff_t *counts,
    const ptrdiff_t *strides);
void ferry_strided_unpack_generic(
    const void *packed, void *wide, size_t levels, const ptrdiff_t *counts,
    const ptrdiff_t *strides);

// Freed memory stays with the process; for the whole of it, best at its start. Does nothing where the
// C library is not glibc.
void ferry_keep_freed_memory(void);

// Asks the system for large pages in memory that is about to be used: the first touch of each page
// costs as much as copying it. Does nothing where there are none.
void ferry_ask_large_pages(void *start, size_t count);

// FERRY_FINGERPRINT_SUMS sums for every block of `n` bytes, the last filled up with zeros; `key` has
// FERRY_FINGERPRINT_KEY words.
#define FERRY_FINGERPRINT_SUMS 2
#define FERRY_FINGERPRINT_BLOCK 4096
#define FERRY_FINGERPRINT_KEY 1026
void ferry_fingerprint(const void *x, size_t n, const uint32_t *key, uint64_t *out);
void ferry_fingerprint_generic(const void *x, size_t n, const uint32_t *key, uint64_t *out);

// Optimal transport in f64. `rate` is 1/epsilon. Sums run in 16 lanes, whose order is fixed.
// out[j] = exp((f + g[j] - c[j]) rate), 0 below exp(-708), capped at exp(709)
void ferry_gibbs_row_f64(
    const double *c, const double *g, double f, double rate, double *out, size_t n);
void ferry_gibbs_row_f64_generic(
    const double *c, const double *g, double f, double rate, double *out, size_t n);
// The sum of w[j] exp((f + g[j] - c[j]) rate).
double ferry_gibbs_sum_f64(
    const double *w, const double *c, const double *g, double f, double rate, size_t n);
double ferry_gibbs_sum_f64_generic(
    const double *w, const double *c, const double *g, double f, double rate, size_t n);
// sums[j] += w exp((f + g[j] - c[j]) rate)
void ferry_gibbs_add_f64(
    double w, const double *c, const double *g, double f, double rate, double *sums, size_t n);
void ferry_gibbs_add_f64_generic(
    double w, const double *c, const double *g, double f, double rate, double *sums, size_t n);
double ferry_dot_f64(const double *x, const double *y, size_t n);
double ferry_dot_f64_generic(const double *x, const double *y, size_t n);
// y[i] += scale * x[i]
void ferry_axpy_f64(double scale, const double *x, double *y, size_t n);
void ferry_axpy_f64_generic(double scale, const double *x, double *y, size_t n);
// x[i] *= y[i]
void ferry_multiply_f64(double *x, const double *y, size_t n);
void ferry_multiply_f64_generic(double *x, const double *y, size_t n);
// The sum of x[i], and that of x[i] y[i].
void ferry_sum_dot_f64(const double *x, const double *y, double *out, size_t n);
void ferry_sum_dot_f64_generic(const double *x, const double *y, double *out, size_t n);
// Least, greatest and sum; infinities where n is 0, and a NaN shows in the sum alone.
void ferry_range_f64(const double *x, double *out, size_t n);
void ferry_range_f64_generic(const double *x, double *out, size_t n);
// best[j] = max(best[j], f - c[j])
void ferry_max_difference_into_f64(double f, const double *c, double *best, size_t n);
void ferry_max_difference_into_f64_generic(double f, const double *c, double *best, size_t n);

// The same as ferry_gibbs_row_f64 in f32, to 3e-7 relative: 0 below exp(-87), at most exp(88).
void ferry_gibbs_row_f32(
    const double *c, const double *g, double f, double rate, float *out, size_t n);
void ferry_gibbs_row_f32_generic(
    const double *c, const double *g, double f, double rate, float *out, size_t n);
// The same where costs are squared distances from `x` to points of 1 to 3 dimensions, each coordinate
// of which lies `stride` after the one before.
void ferry_gibbs_squares_f32(
    const double *x, const double *y, size_t dimensions, size_t stride, const double *g, double f,
    double rate, float *out, size_t n);
void ferry_gibbs_squares_f32_generic(
    const double *x, const double *y, size_t dimensions, size_t stride, const double *g, double f,
    double rate, float *out, size_t n);
void ferry_gibbs_squares_f64(
    const double *x, const double *y, size_t dimensions, size_t stride, const double *g, double f,
    double rate, double *out, size_t n);
void ferry_gibbs_squares_f64_generic(
    const double *x, const double *y, size_t dimensions, size_t stride, const double *g, double f,
    double rate, double *out, size_t n);

// A block of rows, each `stride` elements after the one before. out[i] = the sum of x[i, j] w[j], and
// sums[j] += the sum of scales[i] x[i, j]; all sums in f64.
void ferry_rows_dot_f32(
    const float *x, size_t rows, size_t stride, const double *w, double *out, size_t n);
void ferry_rows_dot_f32_generic(
    const float *x, size_t rows, size_t stride, const double *w, double *out, size_t n);
void ferry_rows_dot_f64(
    const double *x, size_t rows, size_t stride, const double *w, double *out, size_t n);
void ferry_rows_dot_f64_generic(
    const double *x, size_t rows, size_t stride, const double *w, double *out, size_t n);
void ferry_rows_add_f32(
    const float *x, size_t rows, size_t stride, const double *scales, double *sums, size_t n);
void ferry_rows_add_f32_generic(
    const float *x, size_t rows, size_t stride, const double *scales, double *sums, size_t n);
void ferry_rows_add_f64(
    const double *x, size_t rows, size_t stride, const double *scales, double *sums, size_t n);
void ferry_rows_add_f64_generic(
    const double *x, size_t rows, size_t stride, const double *scales, double *sums, size_t n);

// out[i] = log(x[i]) of normal numbers above 0, and exp(x[i]), 0 below -708 and exp(709) above 709.
void ferry_log_f64(const double *x, double *out, size_t n);
void ferry_log_f64_generic(const double *x, double *out, size_t n);
void ferry_exp_f64(const double *x, double *out, size_t n);
void ferry_exp_f64_generic(const double *x, double *out, size_t n);
// out[i] = u[i] (u[i] sums[i])^-theta; all above 0 and normal.
void ferry_relaxed_scalings_f64(
    const double *u, const double *sums, double theta, double *out, size_t n);
void ferry_relaxed_scalings_f64_generic(
    const double *u, const double *sums, double theta, double *out, size_t n);

// A sparse matrix: row i has the entries starts[i] to starts[i + 1]. out[i] = the sum of row i's
// values times y, and out[column] += value x[i].
void ferry_sparse_rows_dot_f64(
    const double *values, const uint32_t *columns, const int64_t *starts, const double *y,
    double *out, size_t rows);
void ferry_sparse_rows_add_f64(
    const double *values, const uint32_t *columns, const int64_t *starts, const double *x,
    double *out, size_t rows);

// Sums and counts of scale values[k], at least 0, by magnitude: sixteen bins an octave from 2^-64 (bin
// b begins at 2^(b / 16 - 64) with a mantissa of 1 + (b % 16) / 16).
#define FERRY_HISTOGRAM_BINS 1088
void ferry_magnitude_histogram_f64(
    const double *values, double scale, double *masses, int64_t *counts, size_t n);
// Writes the entries scale x[j] w[j] that are at least `least`, above 0, and their places; gives how
// many. There must be room for n.
size_t ferry_select_above_f64(
    const double *x, const double *w, double scale, double least, double *values,
    uint32_t *columns, size_t n);
size_t ferry_select_above_f64_generic(
    const double *x, const double *w, double scale, double least, double *values,
    uint32_t *columns, size_t n);

// One iteration of Sinkhorn's scaling, u and v in place; `work` has room for n + 2 m numbers. Gives the
// marginal error (L1) before it, infinity where a sum leaves 1e-25 to 1e25 (u and v are then
// unfinished).
double ferry_sinkhorn_sweep_f32(
    const float *kernel, const double *a, const double *b, double *u, double *v, double theta,
    double *work, size_t n, size_t m);
double ferry_sinkhorn_sweep_f32_generic(
    const float *kernel, const double *a, const double *b, double *u, double *v, double theta,
    double *work, size_t n, size_t m);

// From one point to n, whose coordinates lie one after the other: y[k * n + j]. The sum of squares
// of differences, of their magnitudes, or of products.
enum { FERRY_DISTANCE_SQUARED = 1, FERRY_DISTANCE_ABSOLUTE, FERRY_DISTANCE_PRODUCT };
void ferry_distance_row_f64(
    int kind, const double *x, const double *y, size_t dimensions, double *out, size_t n);
void ferry_distance_row_f64_generic(
    int kind, const double *x, const double *y, size_t dimensions, double *out, size_t n);

// The first index of the least c[j] - v[j], n where none is below infinity; the least itself goes
// to `least`, and for two_least the second least after it.
size_t ferry_least_f64(const double *c, const double *v, size_t n, double *least);
size_t ferry_least_f64_generic(const double *c, const double *v, size_t n, double *least);
size_t ferry_two_least_f64(const double *c, const double *v, size_t n, double *least);
size_t ferry_two_least_f64_generic(const double *c, const double *v, size_t n, double *least);

// One step of Dijkstra's search over columns: distance[j] falls to c[j] - v[j] + base, and from[j]
// becomes `row`, where that is nearer. Gives the nearest column that is not settled (settled ones
// are at -infinity), or n.
size_t ferry_relax_f64(
    const double *c, const double *v, double base, int64_t row, double *distance, int64_t *from,
    size_t n, double *least);
size_t ferry_relax_f64_generic(
    const double *c, const double *v, double base, int64_t row, double *distance, int64_t *from,
    size_t n, double *least);

// A cipher that seals in place: AES-256-GCM, or ChaCha20-Poly1305, with a key of 32 bytes. NULL where
// this build has none.
void *ferry_cipher_new(int is_aes, const uint8_t *key);
void ferry_cipher_free(void *cipher);

// Seals `count` bytes where they lie, and writes the tag of 16 bytes after them; the nonce has 12.
// 1 when done.
int ferry_cipher_seal(const void *cipher, const uint8_t *nonce, uint8_t *bytes, size_t count);

// Opens `count` bytes, the last 16 the tag, where they lie. 1 when they are what was sealed; else
// they are zeros.
int ferry_cipher_open(const void *cipher, const uint8_t *nonce, uint8_t *bytes, size_t count);

#endif
