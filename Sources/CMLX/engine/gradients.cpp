// SPDX-License-Identifier: Apache-2.0
//
// Gradients of functions that live on the other side of the C door.
#include <memory>
#include <numeric>

#include "shim.hpp"

using namespace fmlx;

extern "C" int fmlx_value_and_gradient(fmlx_function f, void* context, fmlx_list inputs,
                                       size_t count, fmlx_result value, fmlx_array* gradients) {
  return guard([&] {
    auto call = [&](const Arrays& arguments) -> Arrays {
      std::vector<fmlx_array_s> borrowed;
      borrowed.reserve(arguments.size());
      std::vector<fmlx_array> handles;
      handles.reserve(arguments.size());
      for (auto& argument : arguments) {
        borrowed.push_back({argument});
        handles.push_back(&borrowed.back());
      }
      fmlx_array result = nullptr;
      int failed = f(context, handles.data(), handles.size(), &result);
      std::unique_ptr<fmlx_array_s> owned(result);
      if (failed || !owned)
        throw std::runtime_error("the function whose gradient was asked for failed");
      return {owned->array};
    };
    std::vector<int> all(count);
    std::iota(all.begin(), all.end(), 0);
    auto [values, found] = mx::value_and_grad(call, all)(unwrap(inputs, count));
    *value = wrap(std::move(values.at(0)));
    for (size_t i = 0; i < count; i++) gradients[i] = wrap(std::move(found.at(i)));
  });
}
