// SPDX-License-Identifier: Apache-2.0

/// An element that can be folded with its like, scaled and divided.
public protocol FoldableElement: TensorElement, Equatable {
  /// What a fold means, one element at a time.
  static func fold(_ fold: Fold, _ a: Self, _ b: Self) -> Self

  /// The value times `scale`, rounded once; for whole numbers `scale` is one, and the product wraps.
  func times(_ scale: Double) -> Self

  /// The value over `divisor`, rounded once; for whole numbers `divisor` is one, above 0, and the
  /// quotient is rounded toward zero.
  func over(_ divisor: Double) -> Self
}

extension FoldableElement where Self: FixedWidthInteger {
  /// Sums and products wrap.
  public static func fold(_ fold: Fold, _ a: Self, _ b: Self) -> Self {
    switch fold {
    case .sum: a &+ b
    case .product: a &* b
    case .min: Swift.min(a, b)
    case .max: Swift.max(a, b)
    }
  }

  public func times(_ scale: Double) -> Self { self &* Self(truncatingIfNeeded: Int64(scale)) }

  public func over(_ divisor: Double) -> Self {
    Self.isSigned
      ? Self(truncatingIfNeeded: Int64(truncatingIfNeeded: self) / Int64(divisor))
      : Self(truncatingIfNeeded: UInt64(truncatingIfNeeded: self) / UInt64(divisor))
  }
}

extension Int8: FoldableElement {}
extension Int16: FoldableElement {}
extension Int32: FoldableElement {}
extension Int64: FoldableElement {}
extension UInt8: FoldableElement {}
extension UInt16: FoldableElement {}
extension UInt32: FoldableElement {}
extension UInt64: FoldableElement {}

/// The fold of reals.
private func folded<Real: BinaryFloatingPoint>(_ fold: Fold, _ a: Real, _ b: Real) -> Real {
  func least(_ a: Real, _ b: Real) -> Real { a == b ? (a.sign == .minus ? a : b) : a < b ? a : b }
  let result =
    switch fold {
    case .sum: a + b
    case .product: a * b
    case .min: a.isNaN || b.isNaN ? Real.nan : least(a, b)
    case .max: a.isNaN || b.isNaN ? Real.nan : -least(-a, -b)
    }
  return result.isNaN ? .nan : result
}

extension Float: FoldableElement {
  /// Rounded once; NaN where one is.
  public static func fold(_ fold: Fold, _ a: Float, _ b: Float) -> Float { folded(fold, a, b) }
  public func times(_ scale: Double) -> Float { self * Float(scale) }
  public func over(_ divisor: Double) -> Float { self / Float(divisor) }
}

extension Double: FoldableElement {
  /// Rounded once; NaN where one is.
  public static func fold(_ fold: Fold, _ a: Double, _ b: Double) -> Double { folded(fold, a, b) }
  public func times(_ scale: Double) -> Double { self * scale }
  public func over(_ divisor: Double) -> Double { self / divisor }
}

extension Half: FoldableElement {
  /// Rounded once; NaN where one is.
  public static func fold(_ fold: Fold, _ a: Half, _ b: Half) -> Half {
    Half(folded(fold, a.float, b.float))
  }
  public func times(_ scale: Double) -> Half { Half(float * Float(scale)) }
  public func over(_ divisor: Double) -> Half { Half(float / Float(divisor)) }
}

extension BFloat16: FoldableElement {
  /// Rounded once; NaN where one is.
  public static func fold(_ fold: Fold, _ a: BFloat16, _ b: BFloat16) -> BFloat16 {
    BFloat16(folded(fold, a.float, b.float))
  }
  public func times(_ scale: Double) -> BFloat16 { BFloat16(float * Float(scale)) }
  public func over(_ divisor: Double) -> BFloat16 { BFloat16(float / Float(divisor)) }
}
