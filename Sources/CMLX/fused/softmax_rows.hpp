// SPDX-License-Identifier: Apache-2.0
//
// Softmax of one row, for the kernels that need it inside.
#pragma once

#include "vector.hpp"

namespace fmlx {

/// y = softmax(scale * x). Gives the logarithm of the sum of e^(scale * x). May work in place.
FMLX_INLINE float softmax_row(const float* x, float* y, int count, float scale) {
  v8 m = all(-INFINITY);
  each(
      count,
      [&](int i) FMLX_INLINED {
        v8 a = load(x + i) * scale;
        m = a > m ? a : m;
      },
      [&](int i, int n) FMLX_INLINED {
        for (int j = 0; j < n; j++) {
          float a = x[i + j] * scale;
          m[j] = a > m[j] ? a : m[j];
        }
      });
  float top = largest(m);
  v8 s = all(0);
  each(
      count,
      [&](int i) FMLX_INLINED {
        v8 e = exponential(load(x + i) * scale - top);
        store(y + i, e);
        s += e;
      },
      [&](int i, int n) FMLX_INLINED {
        v8 e = exponential(load_some(x + i, n) * scale - top);
        for (int j = n; j < 8; j++) e[j] = 0;
        store_some(y + i, e, n);
        s += e;
      });
  float total = sum(s), inverse = 1.0f / total;
  each(
      count, [&](int i) FMLX_INLINED { store(y + i, load(y + i) * inverse); },
      [&](int i, int n) FMLX_INLINED { store_some(y + i, load_some(y + i, n) * inverse, n); });
  return top + std::log(total);
}

/// The gradient of softmax(scale * x) from its value p and cotangent g: scale p (g - Σ p g).
FMLX_INLINE void softmax_row_gradient(const float* p, const float* g, float* d, int count,
                                      float scale) {
  v8 s = all(0);
  each(
      count, [&](int i) FMLX_INLINED { s += load(p + i) * load(g + i); },
      [&](int i, int n) FMLX_INLINED { s += load_some(p + i, n) * load_some(g + i, n); });
  float dot = sum(s);
  each(
      count, [&](int i) FMLX_INLINED { store(d + i, load(p + i) * (load(g + i) - dot) * scale); },
      [&](int i, int n) FMLX_INLINED {
        store_some(d + i, load_some(p + i, n) * (load_some(g + i, n) - dot) * scale, n);
      });
}

}  // namespace fmlx
