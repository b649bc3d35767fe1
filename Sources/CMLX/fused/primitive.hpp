// SPDX-License-Identifier: Apache-2.0
//
// A fused kernel as an operation of MLX's graph, with its hand-written gradient.
#pragma once

#include <functional>
#include <vector>

#include "../engine/shim.hpp"

namespace fmlx {

/// Row-major inputs (f32, or i32 where the kernel says so) and fresh f32 outputs.
struct Operands {
  std::vector<const void*> inputs;
  std::vector<float*> outputs;

  const float* in(size_t i) const { return static_cast<const float*>(inputs[i]); }
  const int* indices(size_t i) const { return static_cast<const int*>(inputs[i]); }
  float* out(size_t i) const { return outputs[i]; }
};

using Kernel = std::function<void(const Operands&)>;

/// What the gradient may use: the forward inputs, the cotangents of all outputs, the outputs.
/// Gives one gradient for each input, asked for or not.
using Gradient =
    std::function<Arrays(const Arrays& inputs, const Arrays& cotangents, const Arrays& outputs)>;

/// Adds one operation to the graph; its outputs have the given shapes and are f32.
Arrays add_operation(const char* name, std::vector<mx::Shape> shapes, Arrays inputs, Kernel kernel,
                     Gradient gradient = {});

/// Elements a thread takes at a time, in kernels that go through memory once.
constexpr size_t chunk_elements = 1 << 15;
/// The same in rows of n elements.
inline size_t chunk_rows(int n) { return std::max<size_t>(1, chunk_elements / std::max(1, n)); }

}  // namespace fmlx
