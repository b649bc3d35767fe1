// SPDX-License-Identifier: Apache-2.0
#include "pccl.h"
#include "ccoip.h"
