// SPDX-License-Identifier: Apache-2.0
//
// How a block of floats becomes half as many bytes: its step (f32, little-endian), then two int4
// codes a byte, -7 to 7, in two's complement. A value is code * step. The low halves of the bytes
// are the codes of the block's first half and the high halves those of the second, so that both
// loops stay wide; where the block is odd, the first half has one more, and the last byte's high
// half is 0. The last block may be short, and each begins at a byte of its own.
//
// The step is the block's largest magnitude over 7. Blocks with nothing above 7 * 2^-100 (5.5e-30)
// are stored as zeros: below it, a CPU that flushes subnormals and one that does not would write
// different bytes.
#ifndef FERRY_INT4_BLOCK_H
#define FERRY_INT4_BLOCK_H
#include "blocks.h"

#define INT4_PEAK_MIN_BITS 0x0ee00000u  // 7 * 2^-100
#define INT4_STEP_MIN_BITS 0x0d800000u  // 2^-100
#define INT4_STEP_MAX_BITS 0x7e124924u  // the largest float over 7; its 7-fold is finite

FERRY_BODY float int4_step_for(uint32_t peak) {
  return peak < INT4_PEAK_MIN_BITS ? 0 : float_of(peak) / 7.0f;
}

FERRY_BODY float int4_low(uint8_t byte) { return (float)(((byte & 15) ^ 8) - 8); }

FERRY_BODY float int4_high(uint8_t byte) { return (float)(((byte >> 4) ^ 8) - 8); }
#endif
