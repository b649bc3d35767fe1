// SPDX-License-Identifier: Apache-2.0
//
// Maximum and mean over square windows. The maximum's gradient goes to the first place that has it.
#include "kernels.hpp"
#include "partials.hpp"
#include "primitive.hpp"

namespace fmlx {
namespace {

struct Shape {
  int batch, height, width, channels, window, stride, out_height, out_width;
  size_t image() const { return (size_t)height * width * channels; }
  size_t result() const { return (size_t)out_height * out_width * channels; }
  size_t pixel(int y, int x) const { return ((size_t)y * width + x) * channels; }
};

/// Calls body(place in the result, top row, left column) for each window.
template <class Body>
FMLX_INLINE void windows(const Shape& s, Body body) {
  size_t place = 0;
  for (int oy = 0; oy < s.out_height; oy++) {
    for (int ox = 0; ox < s.out_width; ox++, place += s.channels)
      body(place, oy * s.stride, ox * s.stride);
  }
}

void forward(const Shape& s, int kind, const float* image, float* out) {
  windows(s, [&](size_t place, int top, int left) {
    float* to = out + place;
    std::memcpy(to, image + s.pixel(top, left), sizeof(float) * s.channels);
    for (int k = 1; k < s.window * s.window; k++) {
      const float* from = image + s.pixel(top + k / s.window, left + k % s.window);
      // Written so that NaN is kept once it is there, and taken when it comes.
      if (kind == FMLX_POOL_MAX)
        for (int c = 0; c < s.channels; c++)
          to[c] = from[c] <= to[c] || to[c] != to[c] ? to[c] : from[c];
      else
        for (int c = 0; c < s.channels; c++) to[c] += from[c];
    }
    if (kind == FMLX_POOL_MEAN)
      for (int c = 0; c < s.channels; c++) to[c] /= float(s.window * s.window);
  });
}

void backward(const Shape& s, int kind, const float* image, const float* out, const float* g,
              float* d) {
  std::memset(d, 0, sizeof(float) * s.image());
  windows(s, [&](size_t place, int top, int left) {
    for (int c = 0; c < s.channels; c++) {
      for (int k = 0; k < s.window * s.window; k++) {
        size_t at = s.pixel(top + k / s.window, left + k % s.window) + c;
        if (kind == FMLX_POOL_MEAN) {
          d[at] += g[place + c] / float(s.window * s.window);
        } else if (image[at] == out[place + c]) {
          d[at] += g[place + c];
          break;
        }
      }
    }
  });
}

/// The windows' k-th elements are a strided slice, for each k.
mx::array stock(const Shape& s, int kind, const mx::array& x) {
  auto part = [&](int k) {
    int y = k / s.window, left = k % s.window;
    return mx::slice(x, {0, y, left, 0},
                     {s.batch, y + (s.out_height - 1) * s.stride + 1,
                      left + (s.out_width - 1) * s.stride + 1, s.channels},
                     {1, s.stride, s.stride, 1});
  };
  auto result = part(0);
  for (int k = 1; k < s.window * s.window; k++) {
    result = kind == FMLX_POOL_MAX ? mx::maximum(result, part(k)) : mx::add(result, part(k));
  }
  return kind == FMLX_POOL_MAX
             ? result
             : mx::divide(result, mx::array(float(s.window * s.window), x.dtype()));
}

}  // namespace

mx::array pool2d(int kind, const mx::array& x, int window, int stride) {
  if (x.ndim() != 4 || window < 1 || stride < 1 || x.shape(1) < window || x.shape(2) < window) {
    throw std::invalid_argument("pooling: the window does not fit the image");
  }
  Shape s{x.shape(0),
          x.shape(1),
          x.shape(2),
          x.shape(3),
          window,
          stride,
          (x.shape(1) - window) / stride + 1,
          (x.shape(2) - window) / stride + 1};
  if (!fused({&x}) || x.size() == 0) return stock(s, kind, x);
  return add_operation(
      "FusedPooling", {{s.batch, s.out_height, s.out_width, s.channels}}, {x},
      [=](const Operands& o) {
        parallel(s.batch, 1, [&](size_t i, size_t, size_t) {
          forward(s, kind, o.in(0) + i * s.image(), o.out(0) + i * s.result());
        });
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs) {
        return add_operation("FusedPoolingGradient", {inputs[0].shape()},
                             {inputs[0], outputs[0], cotangents[0]}, [=](const Operands& o) {
                               parallel(s.batch, 1, [&](size_t i, size_t, size_t) {
                                 backward(s, kind, o.in(0) + i * s.image(),
                                          o.in(1) + i * s.result(), o.in(2) + i * s.result(),
                                          o.out(0) + i * s.image());
                               });
                             });
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_pool(int kind, fmlx_array x, int window, int stride, fmlx_result out) {
  return fmlx::guard_array(out, [&] { return fmlx::pool2d(kind, x->array, window, stride); });
}
