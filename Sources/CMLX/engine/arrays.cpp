// SPDX-License-Identifier: Apache-2.0
//
// Arrays: making them, asking about them, copying them out.
#include <cstring>

#include "shim.hpp"

using namespace fmlx;

extern "C" {

void fmlx_free(fmlx_array a) {
  // Under the lock too: the last reference to a lazy array frees the graph behind it.
  Entry entry;
  delete a;
}

fmlx_array fmlx_retain(fmlx_array a) { return wrap(a->array); }

int fmlx_from_bytes(const void* data, const int32_t* shape, size_t rank, int type,
                    fmlx_result out) {
  return guard_array(out, [&] {
    auto extents = shape_of(shape, rank);
    auto element = type_of(type);
    size_t bytes = mx::size_of(element);
    for (auto extent : extents) bytes *= extent;
    auto buffer = mx::allocator::malloc(bytes);
    if (bytes > 0) std::memcpy(buffer.buffer().raw_ptr(), data, bytes);
    return mx::array(std::move(buffer), extents, element);
  });
}

int fmlx_full(const int32_t* shape, size_t rank, float value, fmlx_result out) {
  return guard_array(out, [&] { return mx::full(shape_of(shape, rank), value, mx::float32); });
}

int fmlx_range(int32_t count, fmlx_result out) {
  return guard_array(out, [&] { return mx::arange(0, count, 1, mx::int32); });
}

size_t fmlx_shape(fmlx_array a, int32_t* shape) {
  size_t rank = std::min<size_t>(a->array.ndim(), FMLX_RANK_MAX);
  for (size_t i = 0; i < rank; i++) shape[i] = a->array.shape()[i];
  return rank;
}

size_t fmlx_size(fmlx_array a) { return a->array.size(); }

int fmlx_type(fmlx_array a) {
  for (int type = FMLX_F32; type <= FMLX_I64; type++) {
    if (type_of(type) == a->array.dtype()) return type;
  }
  return -1;
}

int fmlx_eval(fmlx_list a, size_t count) {
  return guard([&] { mx::eval(unwrap(a, count)); });
}

int fmlx_read(fmlx_array a, void* to, size_t bytes) {
  return guard([&] {
    mx::array plain = mx::contiguous(a->array);
    plain.eval();
    if (plain.nbytes() != bytes) throw std::length_error("the array has another byte count");
    if (bytes > 0) std::memcpy(to, plain.data<void>(), bytes);
  });
}

}  // extern "C"
