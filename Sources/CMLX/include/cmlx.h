// SPDX-License-Identifier: Apache-2.0
#ifndef CMLX_H
#define CMLX_H
#endif
