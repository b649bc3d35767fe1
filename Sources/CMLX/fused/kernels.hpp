// SPDX-License-Identifier: Apache-2.0
//
// The fused operations. Each uses its kernel where `fused(…)` allows, else stock MLX operations.
#pragma once

#include <optional>

#include "../engine/shim.hpp"

namespace fmlx {

mx::array gelu(const mx::array& x);
mx::array softmax(const mx::array& x, bool causal, float scale);
mx::array layer_norm(const mx::array& x, const mx::array& weight, const mx::array& bias,
                     float epsilon);
mx::array rms_norm(const mx::array& x, const mx::array& weight, float epsilon);
mx::array linear(const mx::array& x, const mx::array& weight, const std::optional<mx::array>& bias);
mx::array attention(const mx::array& qkv, int heads);
mx::array embedding(const mx::array& table, const mx::array& indices);
mx::array add_positions(const mx::array& x, const mx::array& table);
mx::array convolution(const mx::array& x, const mx::array& weight, const mx::array& bias,
                      int stride, int padding);
mx::array pool2d(int kind, const mx::array& x, int window, int stride);
mx::array cross_entropy(const mx::array& logits, const mx::array& targets);

}  // namespace fmlx
