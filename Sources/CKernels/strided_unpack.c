// SPDX-License-Identifier: Apache-2.0
#include "strided_copy.h"

FERRY_BODY void ferry_strided_unpack_body(
    const void *packed, void *wide, size_t levels, const ptrdiff_t *counts,
    const ptrdiff_t *strides) {
  copy_levels(wide, (uint8_t *)packed, 0, levels, counts, strides);
}

FERRY_KERNEL(
    void, ferry_strided_unpack,
    (const void *packed, void *wide, size_t levels, const ptrdiff_t *counts,
     const ptrdiff_t *strides),
    (packed, wide, levels, counts, strides))
