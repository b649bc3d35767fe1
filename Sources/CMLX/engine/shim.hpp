// SPDX-License-Identifier: Apache-2.0
//
// What every file of the shim needs: the handle, the lock, errors turned into numbers.
#pragma once

#include <string>
#include <vector>

#include "cmlx.h"
#include "mlx/mlx.h"

namespace mx = mlx::core;

struct fmlx_array_s {
  mx::array array;
};

namespace fmlx {

using Arrays = std::vector<mx::array>;

/// One call of the shim: holds the process-wide lock and makes the shared stream this thread's own.
class Entry {
 public:
  Entry();
  ~Entry();
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
};

void remember_error(const char* message) noexcept;

/// Runs `body` in an Entry; no exception leaves.
template <class Body>
int guard(Body&& body) noexcept {
  try {
    Entry entry;
    body();
    return 0;
  } catch (const std::exception& error) {
    remember_error(error.what());
  } catch (...) {
    remember_error("unknown C++ exception");
  }
  return 1;
}

inline fmlx_array wrap(mx::array array) { return new fmlx_array_s{std::move(array)}; }

template <class Body>
int guard_array(fmlx_result out, Body&& body) noexcept {
  return guard([&] { *out = wrap(body()); });
}

inline Arrays unwrap(fmlx_list list, size_t count) {
  Arrays arrays;
  arrays.reserve(count);
  for (size_t i = 0; i < count; i++) arrays.push_back(list[i]->array);
  return arrays;
}

inline mx::Shape shape_of(const int32_t* shape, size_t rank) {
  if (rank > FMLX_RANK_MAX) throw std::length_error("an array has at most 8 dimensions");
  return mx::Shape(shape, shape + rank);
}

mx::Dtype type_of(int type);

/// Whether the fused CPU kernels serve these arrays: all f32, the device a CPU, and not switched
/// off.
bool fused(std::initializer_list<const mx::array*> arrays);

}  // namespace fmlx
