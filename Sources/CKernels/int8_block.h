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
#include "kernel.h"

#define INT8_PEAK_MIN_BITS 0x10fe0000u  // 127 * 2^-100
#define INT8_STEP_MIN_BITS 0x0d800000u  // 2^-100
#define INT8_STEP_MAX_BITS 0x7c010203u  // the largest whose 127-fold is finite

FERRY_BODY size_t least(size_t a, size_t b) { return a < b ? a : b; }

FERRY_BODY float step_for(uint32_t peak) {
  if (peak < INT8_PEAK_MIN_BITS) return 0;
  float step = float_of(peak) / 127.0f;
  float step_max = float_of(INT8_STEP_MAX_BITS);
  return step < step_max ? step : step_max;
}

// SplitMix64's output function (Steele, Lea and Flood 2014, figure 17), as `Basics` has it.
FERRY_BODY uint64_t splitmix64(uint64_t value) {
  uint64_t z = value + 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// Twenty-four random bits for one element: a function of its block's key and its place, so that
// neither the width of a vector nor the order of the blocks matters. The multipliers are those of
// Wellons' lowbias32 (2018), which has the least bias of its form.
FERRY_BODY uint32_t random24(uint32_t place, uint32_t key_low, uint32_t key_high) {
  uint32_t h = place * 0x9E3779B9u + key_low;
  h ^= h >> 16;
  h *= 0x7feb352du;
  h ^= (h >> 15) ^ key_high;
  h *= 0x846ca68bu;
  h ^= h >> 16;
  return h >> 8;
}
#endif
