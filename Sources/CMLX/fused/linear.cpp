// SPDX-License-Identifier: Apache-2.0
//
// x weight + bias, the bias put into the result before the product adds to it.
#include "gemm.hpp"
#include "kernels.hpp"
#include "partials.hpp"
#include "primitive.hpp"

namespace fmlx {
namespace {

/// A chunk of rows, its bias and its product stay in one core's cache.
constexpr size_t rows_per_chunk = 256;

FMLX_INLINE void add_rows(const float* rows, float* total, size_t begin, size_t end, int n) {
  for (size_t r = begin; r < end; r++) add_into(total, rows + r * n, n);
}

}  // namespace

mx::array linear(const mx::array& x, const mx::array& weight,
                 const std::optional<mx::array>& bias) {
  if (weight.ndim() != 2 || x.ndim() < 1 || x.shape(-1) != weight.shape(0) ||
      (bias && (bias->ndim() != 1 || bias->shape(0) != weight.shape(1)))) {
    throw std::invalid_argument("linear: shapes do not match");
  }
  bool biased = bias.has_value();
  if (!fused({&x, &weight}) || (biased && !fused({&*bias})) || x.size() == 0) {
    auto product = mx::matmul(x, weight);
    return biased ? mx::add(product, *bias) : product;
  }
  int k = weight.shape(0), n = weight.shape(1), m = x.size() / k;
  auto shape = x.shape();
  shape.back() = n;
  Arrays inputs{x, weight};
  if (biased) inputs.push_back(*bias);
  return add_operation(
      "FusedLinear", {shape}, inputs,
      [=](const Operands& o) {
        parallel(m, rows_per_chunk, [&](size_t, size_t begin, size_t end) {
          float* out = o.out(0) + begin * n;
          if (biased) {
            for (size_t r = 0; r < end - begin; r++)
              std::memcpy(out + r * n, o.in(2), sizeof(float) * n);
          }
          product(Form::plain, Form::plain, end - begin, n, k, o.in(0) + begin * k, k, o.in(1), n,
                  biased ? 1 : 0, out, n);
        });
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays&) {
        std::vector<mx::Shape> shapes{inputs[0].shape(), inputs[1].shape()};
        if (biased) shapes.push_back(inputs[2].shape());
        return add_operation(
            "FusedLinearGradient", shapes, {inputs[0], inputs[1], cotangents[0]},
            [=](const Operands& o) {
              Partials partials(biased ? chunk_count(m, rows_per_chunk) : 0, n);
              // The bias's part comes first: it leaves the rows in the cache for the product.
              parallel(m, rows_per_chunk, [&](size_t chunk, size_t begin, size_t end) {
                const float* g = o.in(2) + begin * n;
                if (biased) run<add_rows>(g, partials.of(chunk), size_t(0), end - begin, n);
                product(Form::plain, Form::transposed, end - begin, k, n, g, n, o.in(1), n, 0,
                        o.out(0) + begin * k, k);
              });
              if (biased) partials.add_up(o.out(2), 0, n);
              parallel_product(Form::transposed, Form::plain, k, n, m, o.in(0), k, o.in(2), n, 0,
                               o.out(1), n);
            });
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_linear(fmlx_array x, fmlx_array weight, fmlx_array bias, fmlx_result out) {
  return fmlx::guard_array(out, [&] {
    return fmlx::linear(x->array, weight->array, bias ? std::optional(bias->array) : std::nullopt);
  });
}
