// SPDX-License-Identifier: Apache-2.0
#define ELEMENT double
#define SUFFIX _f64
#include "matrix_rows.h"
