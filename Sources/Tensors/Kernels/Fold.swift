// SPDX-License-Identifier: Apache-2.0

import CKernels

/// How two elements become one; the order of many is whoever's folds them.
///
/// - Reals: a NaN wins in all four, and becomes the one quiet NaN of its type, the same bits on
///   every machine; of two zeros -0 is the smaller. `Half` and `BFloat16` are folded as floats and
///   rounded after each fold.
/// - Whole numbers wrap.
/// - Flags: sum and max are *or*, product and min are *and*.
public enum Fold: Sendable, CaseIterable {
  case sum
  case product
  case min
  case max

  /// The number that the C loops know it by.
  var code: Int32 {
    switch self {
    case .sum: Int32(FERRY_SUM)
    case .product: Int32(FERRY_PRODUCT)
    case .min: Int32(FERRY_MIN)
    case .max: Int32(FERRY_MAX)
    }
  }
}

extension ElementType {
  /// Whether its elements are numbers without a fraction; flags are none.
  public var isWhole: Bool {
    switch self {
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64: true
    case .f32, .f64, .f16, .bf16, .bool: false
    }
  }
}
