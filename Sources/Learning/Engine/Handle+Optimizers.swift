// SPDX-License-Identifier: Apache-2.0

import CMLX

/// Optimizer kernels: they write in place where nobody else can see it.
extension Handle {
  static func norm(_ handles: [Handle]) throws(LearningError) -> Double {
    var norm = 0.0
    let status = unsafe lend(handles) { unsafe fmlx_norm($0, handles.count, &norm) }
    guard status == 0 else { throw Engine.error("norm") }
    return norm
  }

  /// Replaces the tensors of `lists`, which have one tensor for each gradient, by those that
  /// `call` gives. It gets the lists one after the other, where all of one index are held here
  /// alone, and room for as many results.
  static func update(
    _ operation: String, _ lists: inout [[Tensor]], gradients: [Tensor],
    _ call: (
      _ lists: UnsafePointer<OpaquePointer>, _ gradients: UnsafePointer<OpaquePointer>,
      _ unique: UnsafePointer<Bool>, _ results: UnsafeMutablePointer<OpaquePointer?>
    ) -> Int32
  ) throws(LearningError) {
    let count = gradients.count
    for list in lists where list.count != count {
      throw LearningError(
        .stateMismatch, "\(list.count) tensors for \(count) gradients", place: operation,
        remedy: "Give the optimizer the same parameters at every step.")
    }
    for (index, gradient) in gradients.enumerated() {
      for list in lists where list[index].shape != gradient.shape {
        throw .shapes(
          operation, list[index].shape, gradient.shape,
          remedy: "Give the optimizer the same parameters at every step.")
      }
    }
    guard count > 0 else { return }
    var unique = [Bool](repeating: true, count: count)
    for list in lists.indices {
      for index in 0..<count where !isKnownUniquelyReferenced(&lists[list][index].handle) {
        unique[index] = false
      }
    }
    var results = unsafe [OpaquePointer?](repeating: nil, count: count * lists.count)
    // SAFETY: all lists outlive the call; each has the count that the shim is told. Arrays written
    // in place are held by `lists` alone, which drops them below.
    let status = unsafe results.withUnsafeMutableBufferPointer { results in
      unsafe lend(lists.flatMap { $0.map(\.handle) }) { all in
        unsafe lend(gradients.map(\.handle)) {
          unsafe call(all!, $0!, unique, results.baseAddress!)
        }
      }
    }
    guard status == 0 else { throw Engine.error(operation) }
    for list in lists.indices {
      for index in 0..<count {
        lists[list][index] = unsafe Tensor(Handle(owning: results[list * count + index]!))
      }
    }
  }
}
