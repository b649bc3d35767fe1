// SPDX-License-Identifier: Apache-2.0
//
// Softmax over the last axis, scaled, with or without a causal mask.
#include "kernels.hpp"
#include "pool.hpp"
#include "primitive.hpp"
#include "softmax_rows.hpp"

namespace fmlx {
namespace {

FMLX_INLINE void forward(const float* x, float* y, size_t begin, size_t end, int n, int period,
                         float scale) {
  for (size_t r = begin; r < end; r++) {
    int seen = period > 0 ? int(r % period) + 1 : n;
    softmax_row(x + r * n, y + r * n, seen, scale);
    std::memset(y + r * n + seen, 0, sizeof(float) * (n - seen));
  }
}

FMLX_INLINE void backward(const float* p, const float* g, float* d, size_t begin, size_t end, int n,
                          float scale) {
  for (size_t r = begin; r < end; r++)
    softmax_row_gradient(p + r * n, g + r * n, d + r * n, n, scale);
}

mx::array stock(const mx::array& x, bool causal, float scale) {
  auto scaled = x * mx::array(scale, x.dtype());
  if (causal) {
    auto mask = mx::tri(x.shape(-2), x.shape(-1), 0, mx::bool_);
    scaled = mx::where(mask, scaled, mx::array(-INFINITY, x.dtype()));
  }
  return mx::softmax(scaled, -1);
}

}  // namespace

mx::array softmax(const mx::array& x, bool causal, float scale) {
  if (causal && (x.ndim() < 2 || x.shape(-1) != x.shape(-2))) {
    throw std::invalid_argument("causal softmax needs a square in the last two axes");
  }
  if (!fused({&x}) || x.size() == 0) return stock(x, causal, scale);
  int n = x.shape(-1), period = causal ? x.shape(-2) : 0;
  size_t rows = x.size() / n;
  return add_operation(
      "FusedSoftmax", {x.shape()}, {x},
      [=](const Operands& o) {
        parallel(rows, chunk_rows(n), [&](size_t, size_t begin, size_t end) {
          run<forward>(o.in(0), o.out(0), begin, end, n, period, scale);
        });
      },
      [=](const Arrays&, const Arrays& cotangents, const Arrays& outputs) {
        return add_operation("FusedSoftmaxGradient", {outputs[0].shape()},
                             {outputs[0], cotangents[0]}, [=](const Operands& o) {
                               parallel(rows, chunk_rows(n), [&](size_t, size_t begin, size_t end) {
                                 run<backward>(o.in(0), o.in(1), o.out(0), begin, end, n, scale);
                               });
                             });
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_softmax(fmlx_array x, bool causal, float scale, fmlx_result out) {
  return fmlx::guard_array(out, [&] { return fmlx::softmax(x->array, causal, scale); });
}
