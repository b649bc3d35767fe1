// SPDX-License-Identifier: Apache-2.0
//
// The engine as a whole: lock, stream, threads, errors, which kernels run.
#include <algorithm>
#include <atomic>
#include <mutex>

#include "../fused/pool.hpp"
#include "../fused/vector.hpp"
#include "shim.hpp"

#if defined(__linux__)
// Absent where another BLAS is linked; that one then keeps its own thread count.
extern "C" void openblas_set_num_threads(int) __attribute__((weak));
#endif

namespace fmlx {
namespace {

thread_local std::string last_error;
std::atomic<bool> stock_only{false};

std::recursive_mutex& lock() {
  // Never destroyed: threads may still be in calls while the process exits.
  static auto* mutex = new std::recursive_mutex;
  return *mutex;
}

void configure_blas() {
#if defined(__linux__)
  // Our pool splits products at places fixed by their shape alone, so that the sums have the same
  // order with any number of threads; BLAS itself runs on the thread that calls it. Its own workers
  // would also spin between calls and take the cores from other peers on this machine.
  if (openblas_set_num_threads) openblas_set_num_threads(1);
#endif
}

}  // namespace

void remember_error(const char* message) noexcept {
  try {
    last_error = message;
  } catch (...) {
    last_error.clear();
  }
}

Entry::Entry() {
  lock().lock();
  // Each MLX thread would get a stream of its own, on which alone its lazy arrays can be evaluated,
  // and whose OS thread outlives it. One stream for all: arrays cross threads, nothing leaks.
  static mx::Stream stream = [] {
    configure_blas();
    return mx::new_thread_unsafe_stream(mx::default_device());
  }();
  static thread_local bool entered = false;
  if (!entered) {
    mx::set_default_stream(stream);
    entered = true;
  }
}

Entry::~Entry() { lock().unlock(); }

mx::Dtype type_of(int type) {
  switch (type) {
    case FMLX_F32: return mx::float32;
    case FMLX_I32: return mx::int32;
    case FMLX_BOOL: return mx::bool_;
    case FMLX_U32: return mx::uint32;
    case FMLX_U8: return mx::uint8;
    case FMLX_F16: return mx::float16;
    case FMLX_BF16: return mx::bfloat16;
    case FMLX_I64: return mx::int64;
  }
  throw std::invalid_argument("unknown element type " + std::to_string(type));
}

bool fused(std::initializer_list<const mx::array*> arrays) {
  // Metal and CUDA wheels make the GPU the default device; the kernels here are for the CPU only,
  // and MLX's own are good there.
  if (stock_only.load(std::memory_order_relaxed) || mx::default_device() != mx::Device::cpu)
    return false;
  return std::all_of(arrays.begin(), arrays.end(),
                     [](auto* a) { return a->dtype() == mx::float32; });
}

}  // namespace fmlx

using namespace fmlx;

extern "C" {

const char* fmlx_last_error(void) { return last_error.c_str(); }

int fmlx_configure(int threads, size_t cache_bytes_max) {
  return guard([&] {
    if (threads < 1) throw std::invalid_argument("at least 1 thread is needed");
    set_threads(threads);
    // By default 32 MB are kept; larger buffers would be mapped and page-faulted anew by every
    // operation (measured: elementwise 3 times slower).
    mx::set_cache_limit(cache_bytes_max);
  });
}

int fmlx_threads(void) { return threads(); }
bool fmlx_gpu(void) { return mx::default_device() != mx::Device::cpu; }

int fmlx_use_kernels(int kernels) {
  return guard([&] {
    stock_only = kernels == FMLX_KERNELS_STOCK;
    use_generic_kernels(kernels == FMLX_KERNELS_GENERIC);
  });
}

size_t fmlx_peak_bytes(void) { return mx::get_peak_memory(); }

}  // extern "C"
