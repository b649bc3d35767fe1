// SPDX-License-Identifier: Apache-2.0
//
// Causal self-attention (Vaswani et al. 2017) on packed queries, keys and values.
//
// Blocks of queries see only the keys up to their own end, so about half of the square is computed.
#include <algorithm>

#include "gemm.hpp"
#include "kernels.hpp"
#include "pool.hpp"
#include "primitive.hpp"
#include "softmax_rows.hpp"

namespace fmlx {
namespace {

constexpr int query_block = 32;

struct Shape {
  int batch, time, width, heads;
  int head_width() const { return width / heads; }
  int row() const { return 3 * width; }
  float scale() const { return 1.0f / std::sqrt((float)head_width()); }
  /// Where head `index` of all batch * heads begins in packed rows, and in rows of `width`.
  size_t packed(size_t index) const {
    return (index / heads) * time * row() + (index % heads) * head_width();
  }
  size_t single(size_t index) const {
    return (index / heads) * time * width + (index % heads) * head_width();
  }
  size_t square(size_t index) const { return index * time * time; }
};

FMLX_INLINE void causal_rows(float* p, int begin, int end, int stride, float scale) {
  for (int r = begin; r < end; r++) {
    float* row = p + (size_t)r * stride;
    softmax_row(row, row, r + 1, scale);
    std::memset(row + r + 1, 0, sizeof(float) * (end - r - 1));
  }
}

FMLX_INLINE void causal_rows_gradient(const float* p, float* s, int rows, int columns, int stride,
                                      float scale) {
  for (int r = 0; r < rows; r++) {
    softmax_row_gradient(p + (size_t)r * stride, s + (size_t)r * stride, s + (size_t)r * stride,
                         columns, scale);
  }
}

void forward(const Shape& s, size_t index, const float* qkv, float* out, float* weights) {
  int time = s.time, d = s.head_width(), row = s.row();
  const float *q = qkv + s.packed(index), *k = q + s.width, *v = k + s.width;
  float *p = weights + s.square(index), *o = out + s.single(index);
  for (int i = 0; i < time; i += query_block) {
    int m = std::min(query_block, time - i), n = i + m;
    product(Form::plain, Form::transposed, m, n, d, q + (size_t)i * row, row, k, row, 0,
            p + (size_t)i * time, time);
    run<causal_rows>(p, i, n, time, s.scale());
    product(Form::plain, Form::plain, m, d, n, p + (size_t)i * time, time, v, row, 0,
            o + (size_t)i * s.width, s.width);
  }
}

void backward(const Shape& s, size_t index, const float* qkv, const float* weights,
              const float* cotangent, float* gradient, float* scratch) {
  int time = s.time, d = s.head_width(), row = s.row(), width = s.width;
  const float *q = qkv + s.packed(index), *k = q + width, *v = k + width;
  float *dq = gradient + s.packed(index), *dk = dq + width, *dv = dk + width;
  const float *p = weights + s.square(index), *g = cotangent + s.single(index);
  // The last block touches all keys, so it goes first and overwrites; the others add.
  for (int i = (time - 1) / query_block * query_block, beta = 0; i >= 0;
       i -= query_block, beta = 1) {
    int m = std::min(query_block, time - i), n = i + m;
    const float *pi = p + (size_t)i * time, *gi = g + (size_t)i * width;
    product(Form::transposed, Form::plain, n, d, m, pi, time, gi, width, beta, dv, row);
    product(Form::plain, Form::transposed, m, n, d, gi, width, v, row, 0, scratch, time);
    run<causal_rows_gradient>(pi, scratch, m, n, time, s.scale());
    product(Form::plain, Form::plain, m, d, n, scratch, time, k, row, 0, dq + (size_t)i * row, row);
    product(Form::transposed, Form::plain, n, d, m, scratch, time, q + (size_t)i * row, row, beta,
            dk, row);
  }
}

mx::array stock(const mx::array& qkv, const Shape& s) {
  auto parts = mx::split(qkv, 3, -1);
  for (auto& part : parts) {
    part =
        mx::transpose(mx::reshape(part, {s.batch, s.time, s.heads, s.head_width()}), {0, 2, 1, 3});
  }
  auto out =
      mx::fast::scaled_dot_product_attention(parts[0], parts[1], parts[2], s.scale(), "causal");
  return mx::reshape(mx::transpose(out, {0, 2, 1, 3}), {s.batch, s.time, s.width});
}

}  // namespace

mx::array attention(const mx::array& qkv, int heads) {
  if (qkv.ndim() != 3 || heads < 1 || qkv.shape(2) % (3 * heads) != 0) {
    throw std::invalid_argument("attention: the last axis is not 3 * heads * head width");
  }
  Shape s{qkv.shape(0), qkv.shape(1), qkv.shape(2) / 3, heads};
  if (!fused({&qkv}) || qkv.size() == 0) return stock(qkv, s);
  size_t squares = (size_t)s.batch * s.heads;
  mx::Shape out{s.batch, s.time, s.width}, weights{s.batch, s.heads, s.time, s.time};
  return add_operation(
      "FusedAttention", {out, weights}, {qkv},
      [=](const Operands& o) {
        parallel(squares, 1, [&](size_t index, size_t, size_t) {
          forward(s, index, o.in(0), o.out(0), o.out(1));
        });
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs) {
        return add_operation("FusedAttentionGradient", {inputs[0].shape()},
                             {inputs[0], outputs[1], cotangents[0]}, [=](const Operands& o) {
                               parallel(squares, 1, [&](size_t index, size_t, size_t) {
                                 std::vector<float> scratch((size_t)query_block * s.time);
                                 backward(s, index, o.in(0), o.in(1), o.in(2), o.out(0),
                                          scratch.data());
                               });
                             });
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_attention(fmlx_array qkv, int heads, fmlx_result out) {
  return fmlx::guard_array(out, [&] { return fmlx::attention(qkv->array, heads); });
}
