// SPDX-License-Identifier: Apache-2.0

import CKernels

extension Kernels {
  /// Finds the values of largest magnitude, as many as `indices` has room for: their indices,
  /// ascending. Of equal magnitudes those that come first, so that all machines choose alike.
  ///
  /// O(n) with three passes over the values, no allocation.
  /// - Parameters:
  ///   - values: fewer than 2³².
  ///   - indices: room for at most as many as there are values.
  /// - Returns: nil, or the index of the first infinity or NaN; then `indices` is of no use.
  public static func largest(
    of values: Span<Float>, into indices: inout MutableSpan<UInt32>
  ) -> Int? {
    largest(of: values, into: &indices, build: .best)
  }

  package static func largest(
    of values: Span<Float>, into indices: inout MutableSpan<UInt32>, build: KernelBuild
  ) -> Int? {
    precondition(
      indices.count <= values.count && values.count <= Int(UInt32.max),
      "\(indices.count) of \(values.count) values")
    let end: Int
    switch build {
    case .best: end = KernelCalls.largest(values, into: &indices, generic: false)
    case .generic: end = KernelCalls.largest(values, into: &indices, generic: true)
    case .plain:
      if let bad = values.indices.first(where: { !values[$0].isFinite }) { return bad }
      var order = Array(values.indices)
      // A stable order is not promised by `sort`, so the index decides among equals.
      order.sort { a, b in
        let (first, second) = (values[a].magnitude, values[b].magnitude)
        return first == second ? a < b : first > second
      }
      for (place, index) in order.prefix(indices.count).sorted().enumerated() {
        indices[place] = UInt32(index)
      }
      return nil
    }
    return end == values.count ? nil : end
  }
}
