// SPDX-License-Identifier: Apache-2.0
//
// Sums over rows done in chunks: one partial sum for each chunk, added in chunk order.
#pragma once

#include <vector>

#include "pool.hpp"
#include "vector.hpp"

namespace fmlx {

FMLX_INLINE void add_into(float* total, const float* part, int count) {
  each(
      count, [&](int i) FMLX_INLINED { store(total + i, load(total + i) + load(part + i)); },
      [&](int i, int n) FMLX_INLINED {
        store_some(total + i, load_some(total + i, n) + load_some(part + i, n), n);
      });
}

/// Zeroed room for one vector of `width` floats for each chunk.
class Partials {
 public:
  Partials(size_t chunks, size_t width)
      : width_(width), chunks_(chunks), values_(chunks * width, 0.0f) {}

  float* of(size_t chunk) { return values_.data() + chunk * width_; }

  /// total[0 ..< width] = the sum of all chunks' parts from `offset` on, first chunk first.
  void add_up(float* total, size_t offset, size_t width) {
    std::memcpy(total, values_.data() + offset, sizeof(float) * width);
    for (size_t chunk = 1; chunk < chunks_; chunk++)
      run<add_into>(total, (const float*)of(chunk) + offset, (int)width);
  }

 private:
  size_t width_, chunks_;
  std::vector<float> values_;
};

}  // namespace fmlx
