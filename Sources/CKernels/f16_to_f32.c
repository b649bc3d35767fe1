// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

FERRY_BODY void ferry_f16_to_f32_body(
    const unsigned char *restrict x, unsigned char *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint32_t sign = (load16(x, i) & 0x8000u) << 16;
    uint32_t magnitude = load16(x, i) & 0x7fffu;
    uint32_t shifted = magnitude << 13;
    uint32_t normal = shifted + (112u << 23);
    // 2^-14 + m 2^-24, minus 2^-14: exact, and never a float's subnormal.
    uint32_t subnormal = bits_of(float_of(0x38800000u + shifted) - 0x1p-14f);
    uint32_t quiet = magnitude > 0x7c00u ? 0x400000u : 0u;
    uint32_t special = (shifted + (224u << 23)) | quiet;
    uint32_t value = magnitude < 0x400u ? subnormal : normal;
    store32(y, i, sign | (magnitude >= 0x7c00u ? special : value));
  }
}

FERRY_KERNEL(void, ferry_f16_to_f32, (const void *x, void *y, size_t n), (x, y, n))
