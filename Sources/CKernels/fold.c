// SPDX-License-Identifier: Apache-2.0
#include "halves.h"

#if defined(__clang__)
#define FERRY_EACH_ALONE _Pragma("clang loop vectorize(assume_safety)")
#else
#define FERRY_EACH_ALONE _Pragma("GCC ivdep")
#endif

// Whole numbers are folded without sign, which wraps; order alone asks for the sign. An element of the
// result depends on those in its own place alone, so that loops stay wide where `y` is `x`, too.
#define FERRY_FOLD_LOOP(T, expression)                                                         \
  FERRY_EACH_ALONE                                                                             \
  for (size_t i = 0; i < n; i++) {                                                             \
    T a, b;                                                                                    \
    memcpy(&a, x + sizeof a * i, sizeof a);                                                    \
    memcpy(&b, z + sizeof b * i, sizeof b);                                                    \
    a = (T)(expression);                                                                       \
    memcpy(y + sizeof a * i, &a, sizeof a);                                                    \
  }

#define FERRY_FOLD_WHOLE(T, U)                                                                 \
  switch (fold) {                                                                              \
    case FERRY_SUM: FERRY_FOLD_LOOP(T, (U)a + (U)b) return;                                    \
    case FERRY_PRODUCT: FERRY_FOLD_LOOP(T, (U)a * (U)b) return;                                \
    case FERRY_MIN: FERRY_FOLD_LOOP(T, b < a ? b : a) return;                                  \
    case FERRY_MAX: FERRY_FOLD_LOOP(T, b > a ? b : a) return;                                  \
    default: return;                                                                           \
  }

// One quiet NaN whatever went in, so that machines of every kind write the same bits. Of two equal
// numbers the bits differ for zeros alone: -0 is the smaller.
#define FERRY_FOLD_REAL(name, real, bits, quiet)                                               \
  FERRY_BODY bits name(int fold, real a, real b) {                                             \
    bits a_bits, b_bits, r_bits;                                                               \
    memcpy(&a_bits, &a, sizeof a);                                                             \
    memcpy(&b_bits, &b, sizeof b);                                                             \
    real r = fold == FERRY_SUM ? a + b : a * b;                                                \
    memcpy(&r_bits, &r, sizeof r);                                                             \
    if (fold == FERRY_MIN) r_bits = a == b ? (a_bits | b_bits) : a < b ? a_bits : b_bits;      \
    if (fold == FERRY_MAX) r_bits = a == b ? (a_bits & b_bits) : a > b ? a_bits : b_bits;      \
    int is_nan = fold <= FERRY_PRODUCT ? r != r : (a != a) | (b != b);                         \
    return is_nan ? quiet : r_bits;                                                            \
  }

FERRY_FOLD_REAL(fold_f32, float, uint32_t, 0x7fc00000u)
FERRY_FOLD_REAL(fold_f64, double, uint64_t, 0x7ff8000000000000u)

FERRY_BODY double double_of(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// `fold` is a constant in each, so that no loop asks which it is.
#define FERRY_FOLD_EACH(T, how)                                                                \
  switch (fold) {                                                                              \
    case FERRY_SUM: FERRY_FOLD_LOOP(T, how(FERRY_SUM, a, b)) return;                           \
    case FERRY_PRODUCT: FERRY_FOLD_LOOP(T, how(FERRY_PRODUCT, a, b)) return;                   \
    case FERRY_MIN: FERRY_FOLD_LOOP(T, how(FERRY_MIN, a, b)) return;                           \
    case FERRY_MAX: FERRY_FOLD_LOOP(T, how(FERRY_MAX, a, b)) return;                           \
    default: return;                                                                           \
  }
#define FOLDED_F32(fold, a, b) fold_f32(fold, float_of(a), float_of(b))
#define FOLDED_F64(fold, a, b) fold_f64(fold, double_of(a), double_of(b))
#define FOLDED_F16(fold, a, b)                                                                  \
  f16_of_f32(fold_f32(fold, float_of(f32_of_f16(a)), float_of(f32_of_f16(b))))
#define FOLDED_BF16(fold, a, b)                                                                 \
  bf16_of_f32(fold_f32(fold, float_of(f32_of_bf16(a)), float_of(f32_of_bf16(b))))

FERRY_BODY void ferry_fold_body(
    int element, int fold, const unsigned char *x, const unsigned char *z, unsigned char *y,
    size_t n) {
  switch (element) {
    case FERRY_I8: FERRY_FOLD_WHOLE(int8_t, uint32_t)
    case FERRY_I16: FERRY_FOLD_WHOLE(int16_t, uint32_t)
    case FERRY_I32: FERRY_FOLD_WHOLE(int32_t, uint32_t)
    case FERRY_I64: FERRY_FOLD_WHOLE(int64_t, uint64_t)
    case FERRY_U8: FERRY_FOLD_WHOLE(uint8_t, uint32_t)
    case FERRY_U16: FERRY_FOLD_WHOLE(uint16_t, uint32_t)
    case FERRY_U32: FERRY_FOLD_WHOLE(uint32_t, uint32_t)
    case FERRY_U64: FERRY_FOLD_WHOLE(uint64_t, uint64_t)
    case FERRY_F32: FERRY_FOLD_EACH(uint32_t, FOLDED_F32)
    case FERRY_F64: FERRY_FOLD_EACH(uint64_t, FOLDED_F64)
    case FERRY_F16: FERRY_FOLD_EACH(uint16_t, FOLDED_F16)
    case FERRY_BF16: FERRY_FOLD_EACH(uint16_t, FOLDED_BF16)
    case FERRY_BOOL:
      if (fold == FERRY_SUM || fold == FERRY_MAX) {
        FERRY_FOLD_LOOP(uint8_t, a | b)
      } else {
        FERRY_FOLD_LOOP(uint8_t, a & b)
      }
      return;
    default: return;
  }
}

FERRY_KERNEL(
    void, ferry_fold, (int element, int fold, const void *x, const void *z, void *y, size_t n),
    (element, fold, x, z, y, n))
