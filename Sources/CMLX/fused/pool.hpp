// SPDX-License-Identifier: Apache-2.0
//
// A small pool of threads for the kernels.
#pragma once

#include <cstddef>
#include <functional>

namespace fmlx {

using ChunkBody = std::function<void(size_t chunk, size_t begin, size_t end)>;

/// Calls `body` once for each run of `grain` items of 0 ..< count, on any thread, in any order.
///
/// The chunks follow from `count` and `grain` alone, never from the number of threads: a kernel
/// that keeps one partial sum per chunk and adds them in chunk order gives the same bits with any
/// number. Calls do not nest.
void parallel(size_t count, size_t grain, const ChunkBody& body);

inline size_t chunk_count(size_t count, size_t grain) { return (count + grain - 1) / grain; }

void set_threads(int count);
int threads();

}  // namespace fmlx
