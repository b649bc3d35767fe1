// SPDX-License-Identifier: Apache-2.0
//
// `count` blocks of `block` bytes, `from_stride` bytes apart where they are read and `to_stride`
// where they are written; packing and unpacking are this with one of the strides being the block.
//
// Short blocks are moved in words whose width the compiler knows: one word where the block is one,
// else two that overlap. Blocks are written in order, so that what overlaps in the target ends as
// if moved byte by byte.
#ifndef FERRY_STRIDED_COPY_H
#define FERRY_STRIDED_COPY_H
#include "kernel.h"

// Blocks up to this are moved in words of 32 bytes; a call of `memcpy` costs as much as a few.
#define FERRY_WORDS_MAX 512

#define FERRY_ROW                                                                     \
  const uint8_t *restrict from, ptrdiff_t from_stride, uint8_t *restrict to,          \
      ptrdiff_t to_stride, size_t count

FERRY_BODY void row_of_words(FERRY_ROW, size_t width) {
  for (size_t i = 0; i < count; i++, from += from_stride, to += to_stride) {
    memcpy(to, from, width);
  }
}

FERRY_BODY void row_of_two_words(FERRY_ROW, size_t block, size_t width) {
  for (size_t i = 0; i < count; i++, from += from_stride, to += to_stride) {
    memcpy(to, from, width);
    memcpy(to + block - width, from + block - width, width);
  }
}

FERRY_BODY void row_of_many_words(FERRY_ROW, size_t block, size_t width) {
  for (size_t i = 0; i < count; i++, from += from_stride, to += to_stride) {
    for (size_t at = 0; at < block - width; at += width) memcpy(to + at, from + at, width);
    memcpy(to + block - width, from + block - width, width);
  }
}

FERRY_BODY void copy_row(FERRY_ROW, size_t block) {
#define FERRY_ARGUMENTS from, from_stride, to, to_stride, count
  switch (block) {
    case 1: row_of_words(FERRY_ARGUMENTS, 1); return;
    case 2: row_of_words(FERRY_ARGUMENTS, 2); return;
    case 3: row_of_words(FERRY_ARGUMENTS, 3); return;
    case 4: row_of_words(FERRY_ARGUMENTS, 4); return;
    case 8: row_of_words(FERRY_ARGUMENTS, 8); return;
    case 12: row_of_words(FERRY_ARGUMENTS, 12); return;
    case 16: row_of_words(FERRY_ARGUMENTS, 16); return;
    case 24: row_of_words(FERRY_ARGUMENTS, 24); return;
    case 32: row_of_words(FERRY_ARGUMENTS, 32); return;
    case 64: row_of_words(FERRY_ARGUMENTS, 64); return;
    case 128: row_of_words(FERRY_ARGUMENTS, 128); return;
  }
  if (block < 8) {
    row_of_two_words(FERRY_ARGUMENTS, block, 4);
  } else if (block < 16) {
    row_of_two_words(FERRY_ARGUMENTS, block, 8);
  } else if (block < 32) {
    row_of_two_words(FERRY_ARGUMENTS, block, 16);
  } else if (block <= FERRY_WORDS_MAX) {
    row_of_many_words(FERRY_ARGUMENTS, block, 32);
  } else {
    for (size_t i = 0; i < count; i++, from += from_stride, to += to_stride) {
      memcpy(to, from, block);
    }
  }
#undef FERRY_ARGUMENTS
}

// All blocks: level 0 is the block, level 1 the row, and the rest is counted up like an odometer.
FERRY_BODY void copy_levels(
    uint8_t *wide, uint8_t *packed, int packs, size_t levels, const ptrdiff_t *counts,
    const ptrdiff_t *strides) {
  ptrdiff_t block = counts[0];
  ptrdiff_t row = levels > 1 ? counts[1] : 1, stride = levels > 1 ? strides[1] : block;
  ptrdiff_t at[FERRY_STRIDED_LEVELS_MAX];
  for (size_t level = 2; level < levels; level++) at[level] = 0;
  for (;;) {
    if (packs) {
      copy_row(wide, stride, packed, block, (size_t)row, (size_t)block);
    } else {
      copy_row(packed, block, wide, stride, (size_t)row, (size_t)block);
    }
    packed += block * row;
    size_t level = 2;
    for (; level < levels; level++) {
      wide += strides[level];
      if (++at[level] < counts[level]) break;
      at[level] = 0;
      wide -= strides[level] * counts[level];
    }
    if (level >= levels) return;
  }
}
#endif
