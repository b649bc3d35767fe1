// SPDX-License-Identifier: Apache-2.0
#include "pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace fmlx {
namespace {

/// How often a thread looks for work before it sleeps: about 30 µs, the pause between two kernels.
constexpr int looks_max = 800;
constexpr int threads_max = 256;

inline void breathe() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class Pool {
 public:
  std::atomic<int> wanted{std::clamp((int)std::thread::hardware_concurrency(), 1, threads_max)};

  void run(size_t count, size_t grain, const ChunkBody& body) {
    std::lock_guard one_job(jobs_);
    {
      std::lock_guard lock(mutex_);
      while (started_ < wanted - 1) {
        // Detached: they live as long as the process, and exit does not wait for them.
        std::thread([this, index = started_] { serve(index); }).detach();
        started_++;
      }
      body_ = &body;
      count_ = count;
      grain_ = grain;
      next_.store(0, std::memory_order_relaxed);
      open_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    work();
    std::unique_lock lock(mutex_);
    // Who has not come by now is not waited for: on a busy machine it may not be scheduled for
    // long.
    open_ = false;
    done_.wait(lock, [&] { return inside_ == 0; });
  }

 private:
  std::mutex jobs_, mutex_;
  std::condition_variable wake_, done_;
  std::atomic<unsigned> generation_{0};
  std::atomic<size_t> next_{0};
  const ChunkBody* body_ = nullptr;
  size_t count_ = 0, grain_ = 1;
  bool open_ = false;
  int started_ = 0, inside_ = 0;

  void work() {
    for (;;) {
      size_t chunk = next_.fetch_add(1, std::memory_order_relaxed), begin = chunk * grain_;
      if (begin >= count_) return;
      (*body_)(chunk, begin, std::min(count_, begin + grain_));
    }
  }

  void serve(int index) {
    unsigned seen = 0;
    for (;;) {
      for (int i = 0; i < looks_max && generation_.load(std::memory_order_acquire) == seen; i++)
        breathe();
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
      seen = generation_.load(std::memory_order_relaxed);
      if (!open_ || index >= wanted - 1) continue;
      inside_++;
      lock.unlock();
      work();
      lock.lock();
      if (--inside_ == 0) done_.notify_one();
    }
  }
};

Pool& pool() {
  // Never destroyed: its detached threads may outlive static objects.
  static auto* pool = new Pool;
  return *pool;
}

}  // namespace

void parallel(size_t count, size_t grain, const ChunkBody& body) {
  if (count <= grain || threads() == 1) {
    for (size_t begin = 0, chunk = 0; begin < count; begin += grain, chunk++) {
      body(chunk, begin, std::min(count, begin + grain));
    }
    return;
  }
  pool().run(count, grain, body);
}

void set_threads(int count) { pool().wanted = std::clamp(count, 1, threads_max); }
int threads() { return pool().wanted; }

}  // namespace fmlx
