// SPDX-License-Identifier: Apache-2.0
//
// Root-mean-square normalization (Zhang and Sennrich 2019) over the last axis.
#include "kernels.hpp"
#include "partials.hpp"
#include "primitive.hpp"

namespace fmlx {
namespace {

FMLX_INLINE void forward(const float* x_all, const float* weight, float* y_all, float* scales,
                         size_t begin, size_t end, int n, float epsilon) {
  for (size_t r = begin; r < end; r++) {
    const float* x = x_all + r * n;
    float* y = y_all + r * n;
    v8 q = all(0);
    each(
        n,
        [&](int i) FMLX_INLINED {
          v8 a = load(x + i);
          q += a * a;
        },
        [&](int i, int k) FMLX_INLINED {
          v8 a = load_some(x + i, k);
          q += a * a;
        });
    float scale = scales[r] = 1.0f / std::sqrt(sum(q) / n + epsilon);
    each(
        n, [&](int i) FMLX_INLINED { store(y + i, load(x + i) * scale * load(weight + i)); },
        [&](int i, int k) FMLX_INLINED {
          store_some(y + i, load_some(x + i, k) * scale * load_some(weight + i, k), k);
        });
  }
}

/// With h the normalized row and w = g * weight: dx = scale (w - h mean(w h)).
FMLX_INLINE void backward(const float* x_all, const float* weight, const float* g_all,
                          const float* scales, float* dx_all, float* dweight, size_t begin,
                          size_t end, int n) {
  for (size_t r = begin; r < end; r++) {
    const float *x = x_all + r * n, *g = g_all + r * n;
    float *dx = dx_all + r * n, scale = scales[r];
    v8 t = all(0);
    each(
        n,
        [&](int i) FMLX_INLINED {
          v8 c = load(g + i), h = load(x + i) * scale;
          store(dweight + i, load(dweight + i) + c * h);
          t += c * load(weight + i) * h;
        },
        [&](int i, int k) FMLX_INLINED {
          v8 c = load_some(g + i, k), h = load_some(x + i, k) * scale;
          store_some(dweight + i, load_some(dweight + i, k) + c * h, k);
          t += c * load_some(weight + i, k) * h;
        });
    float b = sum(t) / n;
    each(
        n,
        [&](int i) FMLX_INLINED {
          store(dx + i, scale * (load(g + i) * load(weight + i) - load(x + i) * scale * b));
        },
        [&](int i, int k) FMLX_INLINED {
          store_some(dx + i,
                     scale * (load_some(g + i, k) * load_some(weight + i, k) -
                              load_some(x + i, k) * scale * b),
                     k);
        });
  }
}

}  // namespace

mx::array rms_norm(const mx::array& x, const mx::array& weight, float epsilon) {
  if (!fused({&x, &weight}) || x.size() == 0) return mx::fast::rms_norm(x, weight, epsilon);
  int n = x.shape(-1);
  size_t rows = x.size() / n, grain = chunk_rows(n);
  return add_operation(
      "FusedRMSNorm", {x.shape(), mx::Shape{(int)rows}}, {x, weight},
      [=](const Operands& o) {
        parallel(rows, grain, [&](size_t, size_t begin, size_t end) {
          run<forward>(o.in(0), o.in(1), o.out(0), o.out(1), begin, end, n, epsilon);
        });
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs) {
        return add_operation("FusedRMSNormGradient", {inputs[0].shape(), inputs[1].shape()},
                             {inputs[0], inputs[1], cotangents[0], outputs[1]},
                             [=](const Operands& o) {
                               Partials partials(chunk_count(rows, grain), n);
                               parallel(rows, grain, [&](size_t chunk, size_t begin, size_t end) {
                                 run<backward>(o.in(0), o.in(1), o.in(2), o.in(3), o.out(0),
                                               partials.of(chunk), begin, end, n);
                               });
                               partials.add_up(o.out(1), 0, n);
                             });
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_rms_norm(fmlx_array x, fmlx_array weight, float epsilon, fmlx_result out) {
  return fmlx::guard_array(out, [&] { return fmlx::rms_norm(x->array, weight->array, epsilon); });
}
