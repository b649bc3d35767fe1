// SPDX-License-Identifier: Apache-2.0
//
// Gaussian error linear unit in its tanh form (Hendrycks and Gimpel 2016).
//
// x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³) is x times the logistic function of 2u.
#include "kernels.hpp"
#include "pool.hpp"
#include "primitive.hpp"
#include "vector.hpp"

namespace fmlx {
namespace {

constexpr float twice_root = 1.5957691216f;  // 2 √(2/π)
constexpr float cubic = 0.044715f;

FMLX_INLINE v8 value(v8 x) { return x * logistic(twice_root * (x + cubic * x * x * x)); }

FMLX_INLINE v8 slope(v8 x) {
  v8 s = logistic(twice_root * (x + cubic * x * x * x));
  return s + x * s * (1.0f - s) * (twice_root * (1.0f + 3.0f * cubic * x * x));
}

FMLX_INLINE void forward(const float* x, float* y, int count) {
  each(
      count, [&](int i) FMLX_INLINED { store(y + i, value(load(x + i))); },
      [&](int i, int n) FMLX_INLINED { store_some(y + i, value(load_some(x + i, n)), n); });
}

FMLX_INLINE void backward(const float* x, const float* g, float* d, int count) {
  each(
      count, [&](int i) FMLX_INLINED { store(d + i, load(g + i) * slope(load(x + i))); },
      [&](int i, int n)
          FMLX_INLINED { store_some(d + i, load_some(g + i, n) * slope(load_some(x + i, n)), n); });
}

}  // namespace

mx::array gelu(const mx::array& x) {
  if (!fused({&x})) {
    auto number = [&](float v) { return mx::array(v, x.dtype()); };
    return x * mx::sigmoid(number(twice_root) * (x + number(cubic) * x * x * x));
  }
  size_t count = x.size();
  return add_operation(
      "FusedGelu", {x.shape()}, {x},
      [=](const Operands& o) {
        parallel(count, chunk_elements, [&](size_t, size_t begin, size_t end) {
          run<forward>(o.in(0) + begin, o.out(0) + begin, int(end - begin));
        });
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays&) {
        return add_operation(
            "FusedGeluGradient", {inputs[0].shape()}, {inputs[0], cotangents[0]},
            [=](const Operands& o) {
              parallel(count, chunk_elements, [&](size_t, size_t begin, size_t end) {
                run<backward>(o.in(0) + begin, o.in(1) + begin, o.out(0) + begin, int(end - begin));
              });
            });
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_gelu(fmlx_array x, fmlx_result out) {
  return fmlx::guard_array(out, [&] { return fmlx::gelu(x->array); });
}
