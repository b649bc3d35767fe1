// SPDX-License-Identifier: Apache-2.0
//
// Rows of a table. The gradient adds rows in the order of the indices, split over columns.
#include "kernels.hpp"
#include "partials.hpp"
#include "primitive.hpp"

namespace fmlx {
namespace {

constexpr int column_block = 64;

FMLX_INLINE void scatter(const float* g, const int* indices, float* d, size_t count, int rows, int width, int from,
                         int to) {
  for (int r = 0; r < rows; r++) std::memset(d + (size_t)r * width + from, 0, sizeof(float) * (to - from));
  for (size_t i = 0; i < count; i++) {
    if (indices[i] < 0 || indices[i] >= rows) continue;
    add_into(d + (size_t)indices[i] * width + from, g + i * width + from, to - from);
  }
}

}  // namespace

mx::array embedding(const mx::array& table, const mx::array& indices) {
  if (table.ndim() != 2 || indices.dtype() != mx::int32) {
    throw std::invalid_argument("embedding: needs a table of rank 2 and i32 indices");
  }
  if (!fused({&table}) || indices.size() == 0) return mx::take(table, indices, 0);
  int rows = table.shape(0), width = table.shape(1);
  size_t count = indices.size();
  auto shape = indices.shape();
  shape.push_back(width);
  return add_operation("FusedEmbedding", {shape}, {table, indices}, [=](const Operands& o) {
    parallel(count, chunk_rows(width), [&](size_t, size_t begin, size_t end) {
      for (size_t i = begin; i < end; i++) {
        int row = o.indices(1)[i];
        float* to = o.out(0) + i * width;
        if (row >= 0 && row < rows) std::memcpy(to, o.in(0) + (size_t)row * width, sizeof(float) * width);
        else for (int c = 0; c < width; c++) to[c] = NAN;
      }
    });
  }, [=](const Arrays& inputs, const Arrays& cotangents, const Arrays&) -> Arrays {
    auto gradient = add_operation("FusedEmbeddingGradient", {inputs[0].shape()}, {cotangents[0], inputs[1]},
                                  [=](const Operands& o) {
      parallel(width, column_block, [&](size_t, size_t begin, size_t end) {
        run<scatter>(o.in(0), o.indices(1), o.out(0), count, rows, width, int(begin), int(end));
      });
    });
    return {gradient[0], mx::zeros_like(inputs[1])};
  })[0];
}

}  // namespace fmlx

extern "C" int fmlx_embedding(fmlx_array table, fmlx_array indices, fmlx_result out) {
  return fmlx::guard_array(out, [&] { return fmlx::embedding(table->array, indices->array); });
}
