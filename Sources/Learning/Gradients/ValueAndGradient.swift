// SPDX-License-Identifier: Apache-2.0

import CMLX

/// A loss and its gradient, which has the shape of the parameters.
public struct ValueAndGradient<Tree: ParameterTree>: Sendable {
  /// The loss, one number.
  public let value: Tensor
  /// The derivative of the loss by each parameter, in the parameter's place.
  public let gradient: Tree
}

/// The value of `loss` at `tree` and its gradient by every parameter.
///
/// An error thrown by `loss` comes out as it is.
///
/// - Parameter loss: gives one f32 number; it must compute with the tree it is given.
/// - Complexity: the forward and backward graph is built now and computed when it is read.
public func valueAndGradient<Tree: ParameterTree>(
  at tree: Tree, of loss: (Tree) throws -> Tensor
) throws -> ValueAndGradient<Tree> {
  let (value, gradients) = try valueAndGradient(at: tree.parameters.map(\.tensor)) {
    try loss(try tree.replacingParameters($0))
  }
  return ValueAndGradient(value: value, gradient: try tree.replacingParameters(gradients))
}

/// The value of `loss` at `inputs` and its gradient by each of them; all f32, at least one.
public func valueAndGradient(
  at inputs: [Tensor], of loss: ([Tensor]) throws -> Tensor
) throws -> (value: Tensor, gradients: [Tensor]) {
  try withoutActuallyEscaping(loss) { loss in
    let call = Differentiated(loss)
    var value: OpaquePointer?
    var gradients = unsafe [OpaquePointer?](repeating: nil, count: inputs.count)
    // SAFETY: `call` and the lists outlive the call of the shim, which calls back within it only.
    let status = withExtendedLifetime(call) {
      unsafe Handle.lend(inputs.map(\.handle)) { list in
        unsafe gradients.withUnsafeMutableBufferPointer {
          unsafe fmlx_value_and_gradient(
            Differentiated.callback, Unmanaged.passUnretained(call).toOpaque(), list,
            inputs.count, &value, $0.baseAddress!)
        }
      }
    }
    if let error = call.error { throw error }
    guard status == 0, let value = unsafe value else { throw Engine.error("gradient") }
    return (
      unsafe Tensor(Handle(owning: value)),
      unsafe gradients.map { unsafe Tensor(Handle(owning: $0!)) }
    )
  }
}

/// A Swift closure as a C function and its context.
@safe
private final class Differentiated {
  private let loss: ([Tensor]) throws -> Tensor
  private(set) var error: (any Error)?

  init(_ loss: @escaping ([Tensor]) throws -> Tensor) { self.loss = loss }

  private func run(_ inputs: [Tensor]) -> Tensor? {
    do {
      let value = try loss(inputs)
      guard value.count == 1 else {
        throw LearningError(
          .shapeMismatch, "the loss has shape \(value.shape)", place: "gradient",
          remedy: "A loss is one number; take its mean or sum.")
      }
      return value.shape.isEmpty ? value : try value.reshaped([])
    } catch {
      self.error = error
      return nil
    }
  }

  static let callback: fmlx_function = { context, list, count, result in
    // SAFETY: the context is a `Differentiated` that its caller keeps alive; the shim lends `count`
    // arrays, of which we take references of our own, and owns the reference we write.
    let call = unsafe Unmanaged<Differentiated>.fromOpaque(context!).takeUnretainedValue()
    let inputs = (0..<count).map {
      unsafe Tensor(Handle(owning: fmlx_retain(list![$0])))
    }
    guard let value = call.run(inputs) else { return 1 }
    unsafe value.handle.lend { unsafe result.pointee = fmlx_retain($0) }
    return 0
  }
}
