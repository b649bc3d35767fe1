// SPDX-License-Identifier: Apache-2.0
#include "primitive.hpp"

// MLX's encoder binds tasks with std::bind, which libstdc++ 12 deprecates in part.
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/primitives.h"

namespace fmlx {
namespace {

class FusedOperation : public mx::Primitive {
 public:
  FusedOperation(mx::Stream stream, const char* name, Kernel kernel, Gradient gradient)
      : Primitive(stream),
        name_(name),
        kernel_(std::move(kernel)),
        gradient_(std::move(gradient)) {}

  void eval_cpu(const Arrays& inputs, Arrays& outputs) override {
    Operands operands;
    for (auto& input : inputs) {
      if (!input.flags().row_contiguous)
        throw std::logic_error(std::string(name_) + ": an input is not row-major");
      operands.inputs.push_back(input.data<void>());
    }
    for (auto& output : outputs) {
      output.set_data(mx::allocator::malloc(output.nbytes()));
      operands.outputs.push_back(output.data<float>());
    }
    // MLX keeps inputs and outputs alive until the stream has passed this task.
    mx::cpu::get_command_encoder(stream()).dispatch(
        [kernel = kernel_, operands = std::move(operands)] { kernel(operands); });
  }

  void eval_gpu(const Arrays&, Arrays&) override {
    throw std::logic_error(std::string(name_) +
                           " has no GPU kernel; stock operations should have been used");
  }

  Arrays vjp(const Arrays& inputs, const Arrays& cotangents, const std::vector<int>& wanted,
             const Arrays& outputs) override {
    if (!gradient_) throw std::logic_error(std::string(name_) + " has no second gradient");
    auto all = gradient_(inputs, cotangents, outputs);
    Arrays result;
    for (int i : wanted) result.push_back(all.at(i));
    return result;
  }

  const char* name() const override { return name_; }

 private:
  const char* name_;
  Kernel kernel_;
  Gradient gradient_;
};

}  // namespace

Arrays add_operation(const char* name, std::vector<mx::Shape> shapes, Arrays inputs, Kernel kernel,
                     Gradient gradient) {
  for (auto& input : inputs) input = mx::contiguous(input);
  std::vector<mx::Dtype> types(shapes.size(), mx::float32);
  auto operation = std::make_shared<FusedOperation>(mx::default_stream(mx::Device::cpu), name,
                                                    std::move(kernel), std::move(gradient));
  return mx::array::make_arrays(std::move(shapes), types, operation, inputs);
}

}  // namespace fmlx
