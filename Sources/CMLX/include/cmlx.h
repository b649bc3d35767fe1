// SPDX-License-Identifier: Apache-2.0
//
// The plain C door to MLX. No C++ type and no exception crosses it.
//
// Every call that returns int gives 0 when it worked; otherwise fmlx_last_error() says why, for
// this thread. Calls may come from any thread: they take one process-wide lock, since MLX's command
// encoder has none and a lazy array must be evaluated on the stream it was built on.
#ifndef CMLX_H
#define CMLX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

/// Owns one reference to one MLX array. Arrays do not change.
typedef struct fmlx_array_s* fmlx_array;
typedef fmlx_array _Nullable* _Nonnull fmlx_result;
/// Borrowed arrays, one after the other.
typedef const fmlx_array _Nonnull* _Nullable fmlx_list;

enum {
  FMLX_F32 = 0,
  FMLX_I32 = 1,
  FMLX_BOOL = 2,
  FMLX_U32 = 3,
  FMLX_U8 = 4,
  FMLX_F16 = 5,
  FMLX_BF16 = 6,
  FMLX_I64 = 7
};
/// Ranks above this are refused.
enum { FMLX_RANK_MAX = 8 };

// ---- the engine

const char* fmlx_last_error(void);
/// Threads of the kernels (at least 1) and bytes of freed buffers MLX keeps for reuse.
int fmlx_configure(int threads, size_t cache_bytes_max);
int fmlx_threads(void);
/// Whether the default device is a GPU: then stock operations replace the fused kernels.
bool fmlx_gpu(void);
enum { FMLX_KERNELS_BEST = 0, FMLX_KERNELS_GENERIC = 1, FMLX_KERNELS_STOCK = 2 };
/// Which kernels run: the widest this CPU has, the generic clone of the same code, or MLX's own.
int fmlx_use_kernels(int kernels);
size_t fmlx_peak_bytes(void);

// ---- arrays

void fmlx_free(fmlx_array a);
fmlx_array fmlx_retain(fmlx_array a);
/// Copies `data`, which has the elements of `shape` in row-major order.
int fmlx_from_bytes(const void* _Nullable data, const int32_t* _Nullable shape, size_t rank,
                    int type, fmlx_result out);
int fmlx_full(const int32_t* _Nullable shape, size_t rank, float value, fmlx_result out);
/// Integers 0 ..< count, as i32.
int fmlx_range(int32_t count, fmlx_result out);
/// Writes at most FMLX_RANK_MAX extents, returns the rank.
size_t fmlx_shape(fmlx_array a, int32_t* shape);
size_t fmlx_size(fmlx_array a);
int fmlx_type(fmlx_array a);
int fmlx_eval(fmlx_list a, size_t count);
/// Evaluates and copies out in row-major order; `bytes` must be the array's own byte count.
int fmlx_read(fmlx_array a, void* _Nullable to, size_t bytes);

// ---- stock operations

enum {
  FMLX_ADD,
  FMLX_SUBTRACT,
  FMLX_MULTIPLY,
  FMLX_DIVIDE,
  FMLX_MATMUL,
  FMLX_MAXIMUM,
  FMLX_MINIMUM,
  FMLX_GREATER,
  FMLX_EQUAL
};
int fmlx_binary(int operation, fmlx_array a, fmlx_array b, fmlx_result out);
/// The same with a number on the right, taken in the array's type.
int fmlx_binary_scalar(int operation, fmlx_array a, float b, fmlx_result out);
enum {
  FMLX_EXP,
  FMLX_LOG,
  FMLX_TANH,
  FMLX_NEGATE,
  FMLX_SQRT,
  FMLX_RSQRT,
  FMLX_ABS,
  FMLX_SQUARE,
  FMLX_SIGMOID,
  FMLX_STOP_GRADIENT
};
int fmlx_unary(int operation, fmlx_array a, fmlx_result out);
enum { FMLX_SUM, FMLX_MEAN, FMLX_MAX, FMLX_LOGSUMEXP };
/// No axes means all of them.
int fmlx_reduce(int operation, fmlx_array a, const int32_t* _Nullable axes, size_t count, bool keep,
                fmlx_result out);
int fmlx_reshape(fmlx_array a, const int32_t* _Nullable shape, size_t rank, fmlx_result out);
/// No axes means reversed.
int fmlx_transpose(fmlx_array a, const int32_t* _Nullable axes, size_t count, fmlx_result out);
int fmlx_slice(fmlx_array a, int axis, int start, int stop, fmlx_result out);
int fmlx_concatenate(fmlx_list a, size_t count, int axis, fmlx_result out);
int fmlx_where(fmlx_array condition, fmlx_array a, fmlx_array b, fmlx_result out);
int fmlx_cast(fmlx_array a, int type, fmlx_result out);
/// 1 / keep where a coin of that probability falls, else 0; the key is 64 bits of seed.
int fmlx_dropout_mask(const int32_t* _Nullable shape, size_t rank, float keep, uint64_t key,
                      fmlx_result out);

// ---- fused operations (f32; on a GPU, or for other types, composed from stock ones)

/// Gaussian error linear unit in its tanh form.
int fmlx_gelu(fmlx_array x, fmlx_result out);
/// Softmax of scale * x over the last axis; causal: row r of the last two axes sees columns 0 ...
/// r.
int fmlx_softmax(fmlx_array x, bool causal, float scale, fmlx_result out);
int fmlx_layer_norm(fmlx_array x, fmlx_array weight, fmlx_array bias, float epsilon,
                    fmlx_result out);
int fmlx_rms_norm(fmlx_array x, fmlx_array weight, float epsilon, fmlx_result out);
/// x[..., k] weight[k, n] + bias[n].
int fmlx_linear(fmlx_array x, fmlx_array weight, fmlx_array _Nullable bias, fmlx_result out);
/// Causal self-attention on packed [batch, time, 3 * width] queries, keys and values.
int fmlx_attention(fmlx_array qkv, int heads, fmlx_result out);
/// Rows of table[n, width] at i32 indices; an index outside gives NaN, never a stray read.
int fmlx_embedding(fmlx_array table, fmlx_array indices, fmlx_result out);
/// x[batch, time, width] + the first `time` rows of table[places, width].
int fmlx_add_positions(fmlx_array x, fmlx_array table, fmlx_result out);
/// x[batch, height, width, in] with weight[out, kh, kw, in] and bias[out].
int fmlx_convolution(fmlx_array x, fmlx_array weight, fmlx_array bias, int stride, int padding,
                     fmlx_result out);
enum { FMLX_POOL_MAX = 0, FMLX_POOL_MEAN = 1 };
/// Square windows over x[batch, height, width, channels], no padding.
int fmlx_pool(int kind, fmlx_array x, int window, int stride, fmlx_result out);
/// Mean over rows of -log softmax(logits)[target]; a target outside gives NaN.
int fmlx_cross_entropy(fmlx_array logits, fmlx_array targets, fmlx_result out);

// ---- optimizers: run at once on evaluated arrays

/// The L2 norm of all elements of all arrays, summed in f64 in a fixed order.
int fmlx_norm(fmlx_list a, size_t count, double* out);

/// One AdamW step (Loshchilov and Hutter 2019, algorithm 2).
typedef struct {
  float learning_rate, beta1, beta2, epsilon;
  /// 1 - beta1^t and 1 - beta2^t.
  float correction1, correction2;
  /// What gradients are multiplied by first; clipping.
  float gradient_scale;
} fmlx_adamw_step;

/// Gives `count` new handles each in p_out, m_out, v_out. Where `unique[i]` says that the caller
/// holds the only handles of p[i], m[i], v[i], and MLX holds none either, the memory is written in
/// place and the old handles must be freed unread. `decay` has one weight-decay factor for each
/// array.
int fmlx_adamw(size_t count, fmlx_list p, fmlx_list gradients, fmlx_list m, fmlx_list v,
               const bool* _Nullable unique, const float* _Nullable decay, fmlx_adamw_step step,
               fmlx_result p_out, fmlx_result m_out, fmlx_result v_out);

typedef struct {
  float learning_rate, momentum, weight_decay, gradient_scale;
  bool nesterov;
} fmlx_momentum_step;

/// One step of gradient descent with momentum: v = momentum * v + g. Ownership as
/// for fmlx_adamw.
int fmlx_momentum(size_t count, fmlx_list p, fmlx_list gradients, fmlx_list v,
                  const bool* _Nullable unique, fmlx_momentum_step step, fmlx_result p_out,
                  fmlx_result v_out);

// ---- gradients

/// A function of arrays. It gets borrowed inputs, writes one owned output, returns 0, or else
/// another number to fail.
typedef int (*fmlx_function)(void* _Nullable context, fmlx_list inputs, size_t count,
                             fmlx_result out);
/// The value of `f` (a scalar) and its gradient with respect to each of the inputs.
int fmlx_value_and_gradient(fmlx_function f, void* _Nullable context, fmlx_list inputs,
                            size_t count, fmlx_result value,
                            fmlx_array _Nullable* _Nonnull gradients);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
#endif
