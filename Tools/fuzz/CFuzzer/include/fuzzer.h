// SPDX-License-Identifier: Apache-2.0
#ifndef FERRY_FUZZER_H
#define FERRY_FUZZER_H
#include <stddef.h>
#include <stdint.h>

// Runs libFuzzer's driver with a program's words; returns its exit status.
int fuzzer_run(int count, char *const *words, int (*one)(const uint8_t *bytes, size_t length));

// From here to meter_stop this thread may not ask for a block above `largest` bytes, nor for more
// than `total` bytes altogether: the program aborts and says what was asked for. Linux only.
void meter_start(size_t largest, size_t total);
void meter_stop(void);
#endif
