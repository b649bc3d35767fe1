// SPDX-License-Identifier: Apache-2.0
#include "strided_copy.h"

FERRY_BODY void ferry_strided_pack_body(
    const void *wide, void *packed, size_t levels, const ptrdiff_t *counts,
    const ptrdiff_t *strides) {
  copy_levels((uint8_t *)wide, packed, 1, levels, counts, strides);
}

FERRY_KERNEL(
    void, ferry_strided_pack,
    (const void *wide, void *packed, size_t levels, const ptrdiff_t *counts,
     const ptrdiff_t *strides),
    (wide, packed, levels, counts, strides))
