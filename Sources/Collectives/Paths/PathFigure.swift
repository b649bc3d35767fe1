// SPDX-License-Identifier: Apache-2.0

/// Measured figures as members tell each other: powers of the fourth root of two, in one byte, so
/// that noise seldom shows. 0 is what is not known.
package enum PathFigure {
  /// Codes that differ by no more are the same figure, measured twice.
  static let noiseSteps = 1

  /// Powers of two by eighths: between them lies what belongs to each quarter.
  private static let borders = [
    1.0905077326652577, 1.2968395546510096, 1.5422108254079407,
    1.8340080864093424,
  ]
  private static let quarters = [1, 1.189207115002721, 1.4142135623730951, 1.681792830507429]

  /// The code of a figure; what is below 1 is 1.
  package static func code(_ value: Double) -> UInt8 {
    guard value > 1 else { return value.isNaN ? 0 : 1 }
    guard value < 0x1p62 else { return 249 }
    let quarter = borders.firstIndex { value.significand < $0 } ?? borders.count
    return UInt8(1 + 4 * Int(value.exponent) + quarter)
  }

  /// What a code stands for; nil for what is not known.
  package static func value(_ code: UInt8) -> Double? {
    guard code > 0 else { return nil }
    let steps = Int(code) - 1
    return Double(sign: .plus, exponent: steps / 4, significand: quarters[steps % 4])
  }

  package static func differ(_ one: UInt8, _ other: UInt8) -> Bool {
    if one == 0 || other == 0 { return one != other }
    return abs(Int(one) - Int(other)) > noiseSteps
  }
}
