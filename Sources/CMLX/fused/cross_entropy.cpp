// SPDX-License-Identifier: Apache-2.0
//
// Mean cross-entropy of rows of logits against class indices; the sum runs in f64, first row first.
#include "kernels.hpp"
#include "pool.hpp"
#include "primitive.hpp"
#include "softmax_rows.hpp"

namespace fmlx {
namespace {

FMLX_INLINE void forward(const float* logits, const int* targets, float* p, double* losses,
                         size_t begin, size_t end, int n) {
  for (size_t r = begin; r < end; r++) {
    float log_sum = softmax_row(logits + r * n, p + r * n, n, 1);
    int target = targets[r];
    // A class that does not exist must not read beside the row; NaN is what the caller looks for.
    losses[r] = target >= 0 && target < n ? (double)log_sum - logits[r * n + target] : NAN;
  }
}

FMLX_INLINE void backward(const float* p, const int* targets, float* d, float scale, size_t begin,
                          size_t end, int n) {
  for (size_t r = begin; r < end; r++) {
    const float* from = p + r * n;
    float* to = d + r * n;
    each(
        n, [&](int i) FMLX_INLINED { store(to + i, load(from + i) * scale); },
        [&](int i, int k) FMLX_INLINED { store_some(to + i, load_some(from + i, k) * scale, k); });
    int target = targets[r];
    if (target >= 0 && target < n) to[target] -= scale;
  }
}

}  // namespace

mx::array cross_entropy(const mx::array& logits, const mx::array& targets) {
  if (logits.ndim() < 1 || targets.dtype() != mx::int32 || logits.size() == 0 ||
      targets.size() * logits.shape(-1) != logits.size()) {
    throw std::invalid_argument("cross-entropy: needs one i32 target for each row of logits");
  }
  int n = logits.shape(-1);
  size_t rows = logits.size() / n;
  if (!fused({&logits})) {
    auto flat = mx::reshape(logits, {(int)rows, n});
    auto chosen = mx::take_along_axis(flat, mx::reshape(targets, {(int)rows, 1}), 1);
    return mx::mean(mx::logsumexp(flat, 1, true) - chosen);
  }
  return add_operation(
      "FusedCrossEntropy", {{}, logits.shape()}, {logits, targets},
      [=](const Operands& o) {
        std::vector<double> losses(rows);
        parallel(rows, chunk_rows(n), [&](size_t, size_t begin, size_t end) {
          run<forward>(o.in(0), o.indices(1), o.out(1), losses.data(), begin, end, n);
        });
        double total = 0;
        for (double loss : losses) total += loss;
        o.out(0)[0] = float(total / rows);
      },
      [=](const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs) -> Arrays {
        auto gradient =
            add_operation("FusedCrossEntropyGradient", {inputs[0].shape()},
                          {outputs[1], inputs[1], cotangents[0]}, [=](const Operands& o) {
                            float scale = o.in(2)[0] / rows;
                            parallel(rows, chunk_rows(n), [&](size_t, size_t begin, size_t end) {
                              run<backward>(o.in(0), o.indices(1), o.out(0), scale, begin, end, n);
                            });
                          });
        return {gradient[0], mx::zeros_like(inputs[1])};
      })[0];
}

}  // namespace fmlx

extern "C" int fmlx_cross_entropy(fmlx_array logits, fmlx_array targets, fmlx_result out) {
  return fmlx::guard_array(out, [&] { return fmlx::cross_entropy(logits->array, targets->array); });
}
