// SPDX-License-Identifier: Apache-2.0
//
// How a block of floats becomes bytes: its step (f32, little-endian), then one int8 code, -127 to
// 127, for each element. A value is code * step. The last block may be short.
//
// The step is the block's largest magnitude over 127. Blocks with nothing above 127 * 2^-100
// (1e-28) are stored as zeros: below it, a CPU that flushes subnormals and one that does not would
// write different bytes. Steps stop where 127 steps would round to infinity.
#ifndef FERRY_INT8_BLOCK_H
#define FERRY_INT8_BLOCK_H
#include "blocks.h"

#define INT8_PEAK_MIN_BITS 0x10fe0000u  // 127 * 2^-100
#define INT8_STEP_MIN_BITS 0x0d800000u  // 2^-100
#define INT8_STEP_MAX_BITS 0x7c010203u  // the largest whose 127-fold is finite

FERRY_BODY float step_for(uint32_t peak) {
  if (peak < INT8_PEAK_MIN_BITS) return 0;
  float step = float_of(peak) / 127.0f;
  float step_max = float_of(INT8_STEP_MAX_BITS);
  return step < step_max ? step : step_max;
}
#endif
