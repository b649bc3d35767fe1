// SPDX-License-Identifier: Apache-2.0
//
// What all blockwise codes share: the last block may be short, and chance depends on places alone.
#ifndef FERRY_BLOCKS_H
#define FERRY_BLOCKS_H
#include "kernel.h"

FERRY_BODY size_t least(size_t a, size_t b) { return a < b ? a : b; }

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
