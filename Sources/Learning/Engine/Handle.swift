// SPDX-License-Identifier: Apache-2.0

import CMLX

/// The type of an array's elements.
public enum ElementKind: Int32, Sendable, CaseIterable {
  case f32 = 0
  case i32, bool, u32, u8, f16, bf16, i64
}

/// Owns one reference to an MLX array; the only place where C pointers to arrays are kept.
@safe
final class Handle: @unchecked Sendable {
  // SAFETY (Sendable): `array` never changes, arrays behind it are immutable to every holder, and
  // each call of the shim takes the process-wide lock.
  private let array: OpaquePointer

  init(owning array: OpaquePointer) { unsafe self.array = array }

  deinit {
    // SAFETY: this object owned the one reference.
    unsafe fmlx_free(array)
  }

  /// What a call of the shim wrote, or its error.
  static func make(
    _ operation: String, _ call: (UnsafeMutablePointer<OpaquePointer?>) -> Int32
  ) throws(LearningError) -> Handle {
    var result: OpaquePointer?
    // SAFETY: the shim writes an owned array exactly when it returns 0.
    let status = unsafe call(&result)
    guard status == 0, let array = unsafe result else { throw Engine.error(operation) }
    return unsafe Handle(owning: array)
  }

  /// Lends the pointer for one call.
  func lend<Result>(_ call: (OpaquePointer) -> Result) -> Result {
    // SAFETY: `self` outlives the call, so the pointer does too.
    withExtendedLifetime(self) { unsafe call(array) }
  }

  /// Lends the pointers of several handles for one call.
  static func lend<Result>(
    _ handles: [Handle], _ call: (UnsafePointer<OpaquePointer>?) -> Result
  ) -> Result {
    // SAFETY: `handles` outlives the call, and the list of pointers is read within it only.
    withExtendedLifetime(handles) {
      let list = unsafe handles.map { unsafe $0.array }
      return unsafe list.withUnsafeBufferPointer { unsafe call($0.baseAddress) }
    }
  }

  var shape: [Int] {
    var extents = [Int32](repeating: 0, count: FMLX_RANK_MAX)
    // SAFETY: room for the largest rank there is.
    let rank = unsafe lend { array in
      unsafe extents.withUnsafeMutableBufferPointer {
        unsafe fmlx_shape(array, $0.baseAddress!)
      }
    }
    return extents.prefix(rank).map(Int.init)
  }

  var count: Int { unsafe lend { unsafe fmlx_size($0) } }

  var kind: ElementKind? { unsafe ElementKind(rawValue: lend { unsafe fmlx_type($0) }) }

  /// A copy of the elements, evaluated, in row-major order.
  func read<Element: BitwiseCopyable>(
    as type: Element.Type, zero: Element
  ) throws(LearningError) -> [Element] {
    var elements = [Element](repeating: zero, count: count)
    // SAFETY: the shim writes exactly the bytes given, or fails.
    let status = unsafe lend { array in
      unsafe elements.withUnsafeMutableBytes { unsafe fmlx_read(array, $0.baseAddress, $0.count) }
    }
    guard status == 0 else { throw Engine.error("read") }
    return elements
  }
}
