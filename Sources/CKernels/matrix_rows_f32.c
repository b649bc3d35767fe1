// SPDX-License-Identifier: Apache-2.0
#define ELEMENT float
#define SUFFIX _f32
#include "matrix_rows.h"
