// SPDX-License-Identifier: Apache-2.0
#include "gemm.hpp"

#include <algorithm>

#include "pool.hpp"

extern "C" void cblas_sgemm(int order, int form_a, int form_b, int m, int n, int k, float alpha,
                            const float* a, int lda, const float* b, int ldb, float beta, float* c,
                            int ldc);

namespace fmlx {
namespace {

constexpr int row_major = 101;
int number(Form form) { return form == Form::plain ? 111 : 112; }

/// Rows or columns of C in one chunk. Smaller chunks share the work better and pack more often.
constexpr int chunk_extent = 256;

}  // namespace

void product(Form a_form, Form b_form, int m, int n, int k, const float* a, int lda, const float* b,
             int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(row_major, number(a_form), number(b_form), m, n, k, 1, a, lda, b, ldb, beta, c, ldc);
}

void parallel_product(Form a_form, Form b_form, int m, int n, int k, const float* a, int lda,
                      const float* b, int ldb, float beta, float* c, int ldc) {
  if (m >= n) {
    parallel(m, std::min(chunk_extent, std::max(32, (m / 2 + 15) / 16 * 16)),
             [&](size_t, size_t begin, size_t end) {
               const float* part = a_form == Form::plain ? a + begin * lda : a + begin;
               product(a_form, b_form, end - begin, n, k, part, lda, b, ldb, beta, c + begin * ldc,
                       ldc);
             });
  } else {
    parallel(n, std::min(chunk_extent, std::max(32, (n / 2 + 15) / 16 * 16)),
             [&](size_t, size_t begin, size_t end) {
               const float* part = b_form == Form::plain ? b + begin : b + begin * ldb;
               product(a_form, b_form, m, end - begin, k, a, lda, part, ldb, beta, c + begin, ldc);
             });
  }
}

}  // namespace fmlx
