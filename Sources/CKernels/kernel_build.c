// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

const char *ferry_kernel_build(void) { return FERRY_HAS_WIDE ? "avx2" : "generic"; }
