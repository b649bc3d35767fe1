// SPDX-License-Identifier: Apache-2.0
//
// Two-dimensional convolution with bias: image to columns, then one product for each image.
#include <algorithm>

#include "gemm.hpp"
#include "kernels.hpp"
#include "partials.hpp"
#include "primitive.hpp"

namespace fmlx {
namespace {

/// Images whose weight gradients share one partial sum.
constexpr size_t images_per_chunk = 4;

struct Shape {
  int batch, height, width, in, out, kernel_height, kernel_width, stride, padding, out_height,
      out_width;
  int columns() const { return kernel_height * kernel_width * in; }
  int places() const { return out_height * out_width; }
  size_t image() const { return (size_t)height * width * in; }
  size_t result() const { return (size_t)places() * out; }
};

/// Calls inside(column, pixel, floats) for each run of a kernel row that lies in the image and
/// outside(column, floats) for each that does not.
template <class Inside, class Outside>
void walk(const Shape& s, Inside inside, Outside outside) {
  size_t column = 0;
  for (int oy = 0; oy < s.out_height; oy++) {
    for (int ox = 0; ox < s.out_width; ox++) {
      for (int ky = 0; ky < s.kernel_height; ky++, column += (size_t)s.kernel_width * s.in) {
        int y = oy * s.stride + ky - s.padding, x = ox * s.stride - s.padding;
        int low = std::clamp(-x, 0, s.kernel_width),
            high = std::clamp(s.width - x, low, s.kernel_width);
        if (y < 0 || y >= s.height) low = high = 0;
        outside(column, (size_t)low * s.in);
        if (high > low) {
          inside(column + (size_t)low * s.in, ((size_t)y * s.width + x + low) * s.in,
                 (size_t)(high - low) * s.in);
        }
        outside(column + (size_t)high * s.in, (size_t)(s.kernel_width - high) * s.in);
      }
    }
  }
}

void to_columns(const Shape& s, const float* image, float* columns) {
  walk(
      s,
      [&](size_t to, size_t from, size_t count) {
        std::memcpy(columns + to, image + from, sizeof(float) * count);
      },
      [&](size_t to, size_t count) { std::memset(columns + to, 0, sizeof(float) * count); });
}

void from_columns(const Shape& s, const float* columns, float* image) {
  std::memset(image, 0, sizeof(float) * s.image());
  walk(
      s,
      [&](size_t from, size_t to, size_t count) {
        run<add_into>(image + to, columns + from, (int)count);
      },
      [](size_t, size_t) {});
}

void forward(const Shape& s, const float* image, const float* weight, const float* bias,
             float* columns, float* out) {
  to_columns(s, image, columns);
  for (int r = 0; r < s.places(); r++)
    std::memcpy(out + (size_t)r * s.out, bias, sizeof(float) * s.out);
  product(Form::plain, Form::transposed, s.places(), s.out, s.columns(), columns, s.columns(),
          weight, s.columns(), 1, out, s.out);
}

}  // namespace

mx::array convolution(const mx::array& x, const mx::array& weight, const mx::array& bias,
                      int stride, int padding) {
  if (x.ndim() != 4 || weight.ndim() != 4 || x.shape(3) != weight.shape(3) || bias.ndim() != 1 ||
      bias.shape(0) != weight.shape(0) || stride < 1 || padding < 0) {
    throw std::invalid_argument("convolution: shapes do not match");
  }
  Shape s{x.shape(0),
          x.shape(1),
          x.shape(2),
          x.shape(3),
          weight.shape(0),
          weight.shape(1),
          weight.shape(2),
          stride,
          padding,
          0,
          0};
  s.out_height = (s.height + 2 * padding - s.kernel_height) / stride + 1;
  s.out_width = (s.width + 2 * padding - s.kernel_width) / stride + 1;
  if (s.height + 2 * padding < s.kernel_height || s.width + 2 * padding < s.kernel_width) {
    throw std::invalid_argument("convolution: the kernel is larger than the padded image");
  }
  if (!fused({&x, &weight, &bias}) || x.size() == 0) {
    return mx::add(mx::conv2d(x, weight, {stride, stride}, {padding, padding}), bias);
  }
  size_t batch = s.batch;
  return add_operation(
      "FusedConvolution", {{s.batch, s.out_height, s.out_width, s.out}}, {x, weight, bias},
      [=](const Operands& o) {
        parallel(batch, images_per_chunk, [&](size_t, size_t begin, size_t end) {
          std::vector<float> columns((size_t)s.places() * s.columns());
          for (size_t i = begin; i < end; i++) {
            forward(s, o.in(0) + i * s.image(), o.in(1), o.in(2), columns.data(),
                    o.out(0) + i * s.result());
          }
        });
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays&) {
        return add_operation(
            "FusedConvolutionGradient", {inputs[0].shape(), inputs[1].shape(), inputs[2].shape()},
            {inputs[0], inputs[1], cotangents[0]}, [=](const Operands& o) {
              size_t weights = (size_t)s.out * s.columns();
              Partials partials(chunk_count(batch, images_per_chunk), weights + s.out);
              parallel(batch, images_per_chunk, [&](size_t chunk, size_t begin, size_t end) {
                std::vector<float> columns((size_t)s.places() * s.columns());
                float *dweight = partials.of(chunk), *dbias = dweight + weights;
                for (size_t i = begin; i < end; i++) {
                  const float* g = o.in(2) + i * s.result();
                  for (int r = 0; r < s.places(); r++)
                    run<add_into>(dbias, g + (size_t)r * s.out, s.out);
                  to_columns(s, o.in(0) + i * s.image(), columns.data());
                  product(Form::transposed, Form::plain, s.out, s.columns(), s.places(), g, s.out,
                          columns.data(), s.columns(), 1, dweight, s.columns());
                  product(Form::plain, Form::plain, s.places(), s.columns(), s.out, g, s.out,
                          o.in(1), s.columns(), 0, columns.data(), s.columns());
                  from_columns(s, columns.data(), o.out(0) + i * s.image());
                }
              });
              partials.add_up(o.out(1), 0, weights);
              partials.add_up(o.out(2), weights, s.out);
            });
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_convolution(fmlx_array x, fmlx_array weight, fmlx_array bias, int stride,
                                int padding, fmlx_result out) {
  return fmlx::guard_array(out, [&] {
    return fmlx::convolution(x->array, weight->array, bias->array, stride, padding);
  });
}
