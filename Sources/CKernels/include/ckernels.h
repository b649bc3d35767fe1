// SPDX-License-Identifier: Apache-2.0
#ifndef CKERNELS_H
#define CKERNELS_H
#include <stddef.h>
#include <stdint.h>
#endif
