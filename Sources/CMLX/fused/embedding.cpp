// SPDX-License-Identifier: Apache-2.0
//
// Rows of a table, and one table's rows added to many. Gradients add rows in a fixed order.
#include "kernels.hpp"
#include "partials.hpp"
#include "primitive.hpp"

namespace fmlx {
namespace {

constexpr int column_block = 64;

FMLX_INLINE void scatter(const float* g, const int* indices, float* d, size_t count, int rows,
                         int width, int from, int to) {
  for (int r = 0; r < rows; r++)
    std::memset(d + (size_t)r * width + from, 0, sizeof(float) * (to - from));
  for (size_t i = 0; i < count; i++) {
    if (indices[i] < 0 || indices[i] >= rows) continue;
    add_into(d + (size_t)indices[i] * width + from, g + i * width + from, to - from);
  }
}

FMLX_INLINE void add_tables(const float* x, const float* table, float* out, size_t begin,
                            size_t end, int time, int width) {
  for (size_t r = begin; r < end; r++) {
    const float *a = x + r * width, *b = table + (r % time) * width;
    float* to = out + r * width;
    each(
        width, [&](int i) FMLX_INLINED { store(to + i, load(a + i) + load(b + i)); },
        [&](int i, int n)
            FMLX_INLINED { store_some(to + i, load_some(a + i, n) + load_some(b + i, n), n); });
  }
}

/// d[t] = the sum over the batch of g[:, t], first row first.
FMLX_INLINE void sum_batch(const float* g, float* d, size_t begin, size_t end, int batch, int time,
                           int width) {
  for (size_t t = begin; t < end; t++) {
    std::memcpy(d + t * width, g + t * width, sizeof(float) * width);
    for (int b = 1; b < batch; b++)
      add_into(d + t * width, g + ((size_t)b * time + t) * width, width);
  }
}

}  // namespace

mx::array add_positions(const mx::array& x, const mx::array& table) {
  if (x.ndim() != 3 || table.ndim() != 2 || x.shape(2) != table.shape(1) ||
      x.shape(1) > table.shape(0)) {
    throw std::invalid_argument("positions: shapes do not match");
  }
  int batch = x.shape(0), time = x.shape(1), width = x.shape(2), places = table.shape(0);
  if (!fused({&x, &table}) || x.size() == 0)
    return mx::add(x, mx::slice(table, {0, 0}, {time, width}));
  size_t rows = (size_t)batch * time;
  return add_operation(
      "FusedPositions", {x.shape()}, {x, table},
      [=](const Operands& o) {
        parallel(rows, chunk_rows(width), [&](size_t, size_t begin, size_t end) {
          run<add_tables>(o.in(0), o.in(1), o.out(0), begin, end, time, width);
        });
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays&) -> Arrays {
        auto gradient = add_operation(
            "FusedPositionsGradient", {inputs[1].shape()}, {cotangents[0]}, [=](const Operands& o) {
              parallel(time, chunk_rows(width * batch), [&](size_t, size_t begin, size_t end) {
                run<sum_batch>(o.in(0), o.out(0), begin, end, batch, time, width);
              });
              std::memset(o.out(0) + (size_t)time * width, 0,
                          sizeof(float) * (places - time) * width);
            });
        return {cotangents[0], gradient[0]};
      })[0];
}

mx::array embedding(const mx::array& table, const mx::array& indices) {
  if (table.ndim() != 2 || indices.dtype() != mx::int32) {
    throw std::invalid_argument("embedding: needs a table of rank 2 and i32 indices");
  }
  if (!fused({&table}) || indices.size() == 0) return mx::take(table, indices, 0);
  int rows = table.shape(0), width = table.shape(1);
  size_t count = indices.size();
  auto shape = indices.shape();
  shape.push_back(width);
  return add_operation(
      "FusedEmbedding", {shape}, {table, indices},
      [=](const Operands& o) {
        parallel(count, chunk_rows(width), [&](size_t, size_t begin, size_t end) {
          for (size_t i = begin; i < end; i++) {
            int row = o.indices(1)[i];
            float* to = o.out(0) + i * width;
            if (row >= 0 && row < rows)
              std::memcpy(to, o.in(0) + (size_t)row * width, sizeof(float) * width);
            else
              for (int c = 0; c < width; c++) to[c] = NAN;
          }
        });
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays&) -> Arrays {
        auto gradient =
            add_operation("FusedEmbeddingGradient", {inputs[0].shape()}, {cotangents[0], inputs[1]},
                          [=](const Operands& o) {
                            parallel(width, column_block, [&](size_t, size_t begin, size_t end) {
                              run<scatter>(o.in(0), o.indices(1), o.out(0), count, rows, width,
                                           int(begin), int(end));
                            });
                          });
        return {gradient[0], mx::zeros_like(inputs[1])};
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_embedding(fmlx_array table, fmlx_array indices, fmlx_result out) {
  return fmlx::guard_array(out, [&] { return fmlx::embedding(table->array, indices->array); });
}

extern "C" int fmlx_add_positions(fmlx_array x, fmlx_array table, fmlx_result out) {
  return fmlx::guard_array(out, [&] { return fmlx::add_positions(x->array, table->array); });
}
