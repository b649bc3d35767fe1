// SPDX-License-Identifier: Apache-2.0
//
// Stock MLX operations.
#include "../fused/kernels.hpp"
#include "shim.hpp"

using namespace fmlx;

namespace {

mx::array binary(int operation, const mx::array& a, const mx::array& b) {
  switch (operation) {
    case FMLX_ADD: return mx::add(a, b);
    case FMLX_SUBTRACT: return mx::subtract(a, b);
    case FMLX_MULTIPLY: return mx::multiply(a, b);
    case FMLX_DIVIDE: return mx::divide(a, b);
    case FMLX_MATMUL:
      // A product with one matrix goes through our pool; stacks of matrices are MLX's.
      return b.ndim() == 2 && a.ndim() >= 2 && fused({&a, &b}) ? linear(a, b, std::nullopt)
                                                               : mx::matmul(a, b);
    case FMLX_MAXIMUM: return mx::maximum(a, b);
    case FMLX_MINIMUM: return mx::minimum(a, b);
    case FMLX_GREATER: return mx::greater(a, b);
    case FMLX_EQUAL: return mx::equal(a, b);
  }
  throw std::invalid_argument("unknown binary operation");
}

mx::array unary(int operation, const mx::array& a) {
  switch (operation) {
    case FMLX_EXP: return mx::exp(a);
    case FMLX_LOG: return mx::log(a);
    case FMLX_TANH: return mx::tanh(a);
    case FMLX_NEGATE: return mx::negative(a);
    case FMLX_SQRT: return mx::sqrt(a);
    case FMLX_RSQRT: return mx::rsqrt(a);
    case FMLX_ABS: return mx::abs(a);
    case FMLX_SQUARE: return mx::square(a);
    case FMLX_SIGMOID: return mx::sigmoid(a);
    case FMLX_STOP_GRADIENT: return mx::stop_gradient(a);
  }
  throw std::invalid_argument("unknown unary operation");
}

mx::array reduce(int operation, const mx::array& a, std::vector<int> axes, bool keep) {
  if (axes.empty()) {
    for (int i = 0; i < (int)a.ndim(); i++) axes.push_back(i);
  }
  switch (operation) {
    case FMLX_SUM: return mx::sum(a, axes, keep);
    case FMLX_MEAN: return mx::mean(a, axes, keep);
    case FMLX_MAX: return mx::max(a, axes, keep);
    case FMLX_LOGSUMEXP: return mx::logsumexp(a, axes, keep);
  }
  throw std::invalid_argument("unknown reduction");
}

}  // namespace

extern "C" {

int fmlx_binary(int operation, fmlx_array a, fmlx_array b, fmlx_result out) {
  return guard_array(out, [&] { return binary(operation, a->array, b->array); });
}

int fmlx_binary_scalar(int operation, fmlx_array a, float b, fmlx_result out) {
  return guard_array(out,
                     [&] { return binary(operation, a->array, mx::array(b, a->array.dtype())); });
}

int fmlx_unary(int operation, fmlx_array a, fmlx_result out) {
  return guard_array(out, [&] { return unary(operation, a->array); });
}

int fmlx_reduce(int operation, fmlx_array a, const int32_t* axes, size_t count, bool keep,
                fmlx_result out) {
  return guard_array(
      out, [&] { return reduce(operation, a->array, std::vector<int>(axes, axes + count), keep); });
}

int fmlx_reshape(fmlx_array a, const int32_t* shape, size_t rank, fmlx_result out) {
  return guard_array(out, [&] { return mx::reshape(a->array, shape_of(shape, rank)); });
}

int fmlx_transpose(fmlx_array a, const int32_t* axes, size_t count, fmlx_result out) {
  return guard_array(out, [&] {
    return count == 0 ? mx::transpose(a->array)
                      : mx::transpose(a->array, std::vector<int>(axes, axes + count));
  });
}

int fmlx_slice(fmlx_array a, int axis, int start, int stop, fmlx_result out) {
  return guard_array(out, [&] {
    mx::Shape from(a->array.ndim(), 0), to = a->array.shape();
    from.at(axis) = start;
    to.at(axis) = stop;
    return mx::slice(a->array, from, to);
  });
}

int fmlx_concatenate(fmlx_list a, size_t count, int axis, fmlx_result out) {
  return guard_array(out, [&] { return mx::concatenate(unwrap(a, count), axis); });
}

int fmlx_where(fmlx_array condition, fmlx_array a, fmlx_array b, fmlx_result out) {
  return guard_array(out, [&] { return mx::where(condition->array, a->array, b->array); });
}

int fmlx_cast(fmlx_array a, int type, fmlx_result out) {
  return guard_array(out, [&] { return mx::astype(a->array, type_of(type)); });
}

int fmlx_dropout_mask(const int32_t* shape, size_t rank, float keep, uint64_t key,
                      fmlx_result out) {
  return guard_array(out, [&] {
    auto coins =
        mx::random::bernoulli(mx::array(keep), shape_of(shape, rank), mx::random::key(key));
    return mx::multiply(mx::astype(coins, mx::float32), mx::array(1.0f / keep));
  });
}

}  // extern "C"
