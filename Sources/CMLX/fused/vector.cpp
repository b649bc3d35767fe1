// SPDX-License-Identifier: Apache-2.0
#include "vector.hpp"

#include <atomic>

namespace fmlx {
namespace {

bool cpu_is_wide() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

std::atomic<bool> wide{cpu_is_wide()};

}  // namespace

void use_generic_kernels(bool generic) { wide = !generic && cpu_is_wide(); }
bool wide_kernels() { return wide.load(std::memory_order_relaxed); }

}  // namespace fmlx
