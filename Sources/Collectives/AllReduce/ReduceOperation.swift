// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// What becomes of the contributions `x_i` with weights `w_i`; a rank of weight 0 contributes none.
///
/// Everything is folded in one order, the same for all ranks: see `Fold` for what that means for
/// NaN, zeros and whole numbers that overflow.
public enum ReduceOperation: UInt8, Sendable, CaseIterable {
  /// `Σ w_i x_i`; whole numbers take whole weights, and wrap. Flags: whether one is set.
  case sum = 0
  /// `Σ w_i x_i / Σ w_i`. Of whole numbers with whole weights: the sum wraps in its own type, and
  /// the quotient is rounded toward zero. Flags have none.
  case mean = 1
  /// `Π x_i`; whole numbers wrap. Flags: whether all are set. Weights are 0 or 1.
  case product = 2
  /// The least; NaN where one is. Flags: whether all are set. Weights are 0 or 1.
  case min = 3
  /// The greatest; NaN where one is. Flags: whether one is set. Weights are 0 or 1.
  case max = 4

  /// How two values become one.
  var fold: Fold {
    switch self {
    case .sum, .mean: .sum
    case .product: .product
    case .min: .min
    case .max: .max
    }
  }
}
