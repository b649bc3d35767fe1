// SPDX-License-Identifier: Apache-2.0
#include "ckernels_problems.h"
#include "kernel.h"

// Sixteen sums for each of four directions stay in registers while a tile is read once.
FERRY_BODY void ferry_project_four_f32_body(
    const float *restrict tiles, const float *restrict directions, size_t d, float *restrict out,
    size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    const float *tile = tiles + i * d;
    float sums[4][16] = {{0}};
    for (size_t k = 0; k < d; k++) {
      for (int l = 0; l < 4; l++) {
        float t = directions[(size_t)l * d + k];
        for (int p = 0; p < 16; p++) sums[l][p] += t * tile[k * 16 + p];
      }
    }
    size_t count = n - i < 16 ? n - i : 16;
    for (int l = 0; l < 4; l++) memcpy(out + (size_t)l * n + i, sums[l], count * sizeof(float));
  }
}

FERRY_KERNEL(
    void, ferry_project_four_f32,
    (const float *tiles, const float *directions, size_t d, float *out, size_t n),
    (tiles, directions, d, out, n))
