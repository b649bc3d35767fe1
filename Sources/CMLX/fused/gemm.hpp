// SPDX-License-Identifier: Apache-2.0
//
// Matrix products through BLAS, split over the pool.
#pragma once

namespace fmlx {

enum class Form { plain, transposed };

/// C[m, n] = A B + beta C on the calling thread, row-major, with leading dimensions.
void product(Form a_form, Form b_form, int m, int n, int k, const float* a, int lda, const float* b,
             int ldb, float beta, float* c, int ldc);

/// The same over all threads of the pool; split by the shape alone.
void parallel_product(Form a_form, Form b_form, int m, int n, int k, const float* a, int lda,
                      const float* b, int ldb, float beta, float* c, int ldc);

}  // namespace fmlx
