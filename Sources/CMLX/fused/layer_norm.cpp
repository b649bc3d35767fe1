// SPDX-License-Identifier: Apache-2.0
//
// Layer normalization (Ba, Kiros and Hinton 2016) over the last axis.
#include "kernels.hpp"
#include "partials.hpp"
#include "primitive.hpp"

namespace fmlx {
namespace {

FMLX_INLINE void forward(const float* x_all, const float* weight, const float* bias, float* y_all,
                         float* means, float* scales, size_t begin, size_t end, int n,
                         float epsilon) {
  for (size_t r = begin; r < end; r++) {
    const float* x = x_all + r * n;
    float* y = y_all + r * n;
    v8 s = all(0);
    each(
        n, [&](int i) FMLX_INLINED { s += load(x + i); },
        [&](int i, int k) FMLX_INLINED { s += load_some(x + i, k); });
    float mean = sum(s) / n;
    v8 q = all(0);
    each(
        n,
        [&](int i) FMLX_INLINED {
          v8 d = load(x + i) - mean;
          q += d * d;
        },
        [&](int i, int k) FMLX_INLINED {
          v8 d = load_some(x + i, k, mean) - mean;
          q += d * d;
        });
    float scale = 1.0f / std::sqrt(sum(q) / n + epsilon);
    means[r] = mean;
    scales[r] = scale;
    each(
        n,
        [&](int i) FMLX_INLINED {
          store(y + i, (load(x + i) - mean) * scale * load(weight + i) + load(bias + i));
        },
        [&](int i, int k) FMLX_INLINED {
          store_some(y + i,
                     (load_some(x + i, k) - mean) * scale * load_some(weight + i, k) +
                         load_some(bias + i, k),
                     k);
        });
  }
}

/// With h the normalized row and w = g * weight: dx = scale (w - mean(w) - h mean(w h)).
FMLX_INLINE void backward(const float* x_all, const float* weight, const float* g_all,
                          const float* means, const float* scales, float* dx_all, float* dweight,
                          float* dbias, size_t begin, size_t end, int n) {
  for (size_t r = begin; r < end; r++) {
    const float *x = x_all + r * n, *g = g_all + r * n;
    float* dx = dx_all + r * n;
    float mean = means[r], scale = scales[r];
    v8 s = all(0), t = all(0);
    each(
        n,
        [&](int i) FMLX_INLINED {
          v8 c = load(g + i), h = (load(x + i) - mean) * scale, w = c * load(weight + i);
          store(dweight + i, load(dweight + i) + c * h);
          store(dbias + i, load(dbias + i) + c);
          s += w;
          t += w * h;
        },
        [&](int i, int k) FMLX_INLINED {
          v8 c = load_some(g + i, k), h = (load_some(x + i, k, mean) - mean) * scale,
             w = c * load_some(weight + i, k);
          store_some(dweight + i, load_some(dweight + i, k) + c * h, k);
          store_some(dbias + i, load_some(dbias + i, k) + c, k);
          s += w;
          t += w * h;
        });
    float a = sum(s) / n, b = sum(t) / n;
    each(
        n,
        [&](int i) FMLX_INLINED {
          v8 h = (load(x + i) - mean) * scale;
          store(dx + i, scale * (load(g + i) * load(weight + i) - a - h * b));
        },
        [&](int i, int k) FMLX_INLINED {
          v8 h = (load_some(x + i, k) - mean) * scale;
          store_some(dx + i, scale * (load_some(g + i, k) * load_some(weight + i, k) - a - h * b),
                     k);
        });
  }
}

}  // namespace

mx::array layer_norm(const mx::array& x, const mx::array& weight, const mx::array& bias,
                     float epsilon) {
  if (!fused({&x, &weight, &bias}) || x.size() == 0)
    return mx::fast::layer_norm(x, weight, bias, epsilon);
  int n = x.shape(-1);
  size_t rows = x.size() / n, grain = chunk_rows(n);
  mx::Shape by_row{(int)rows};
  return add_operation(
      "FusedLayerNorm", {x.shape(), by_row, by_row}, {x, weight, bias},
      [=](const Operands& o) {
        parallel(rows, grain, [&](size_t, size_t begin, size_t end) {
          run<forward>(o.in(0), o.in(1), o.in(2), o.out(0), o.out(1), o.out(2), begin, end, n,
                       epsilon);
        });
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs) {
        return add_operation(
            "FusedLayerNormGradient", {inputs[0].shape(), inputs[1].shape(), inputs[2].shape()},
            {inputs[0], inputs[1], cotangents[0], outputs[1], outputs[2]}, [=](const Operands& o) {
              Partials partials(chunk_count(rows, grain), 2 * n);
              parallel(rows, grain, [&](size_t chunk, size_t begin, size_t end) {
                float* part = partials.of(chunk);
                run<backward>(o.in(0), o.in(1), o.in(2), o.in(3), o.in(4), o.out(0), part, part + n,
                              begin, end, n);
              });
              partials.add_up(o.out(1), 0, n);
              partials.add_up(o.out(2), n, n);
            });
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_layer_norm(fmlx_array x, fmlx_array weight, fmlx_array bias, float epsilon,
                               fmlx_result out) {
  return fmlx::guard_array(
      out, [&] { return fmlx::layer_norm(x->array, weight->array, bias->array, epsilon); });
}
