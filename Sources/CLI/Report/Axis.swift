// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Maps values to places along a line, and chooses round numbers to mark it with.
package struct Axis: Sendable {
  package let range: ClosedRange<Double>
  private let from: Double
  private let to: Double

  /// - Parameter range: values; widened when it has no length.
  /// - Parameter from: the place of the lower bound, and `to` of the upper, in pixels.
  package init(_ range: ClosedRange<Double>, from: Double, to: Double) {
    let length = range.upperBound - range.lowerBound
    self.range =
      length > 0 && length.isFinite ? range : (range.lowerBound...range.lowerBound + 1)
    self.from = from
    self.to = to
  }

  package func callAsFunction(_ value: Double) -> Double {
    let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    return from + (to - from) * share
  }

  /// About `count` round numbers inside the range.
  package func ticks(_ count: Int) -> [Double] {
    let step = Self.roundStep((range.upperBound - range.lowerBound) / Double(max(1, count)))
    let first = (range.lowerBound / step).rounded(.up)
    return (0...count * 3).map { (first + Double($0)) * step }
      .filter { $0 <= range.upperBound + step * 1e-9 }
  }

  /// 1, 2 or 5 times a power of ten, near to a length.
  private static func roundStep(_ length: Double) -> Double {
    guard length > 0, length.isFinite else { return 1 }
    let power = pow(10, log10(length).rounded(.down))
    let share = length / power
    return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10)
  }

  /// For time: steps that people count in, such as 15 s, 1 min, 10 min.
  package func timeTicks(_ count: Int) -> [Double] {
    let steps: [Double] = [
      1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400,
    ]
    let wanted = (range.upperBound - range.lowerBound) / Double(max(1, count))
    guard wanted >= 0.5, let step = steps.first(where: { $0 >= wanted }) else {
      return ticks(count)
    }
    let first = (range.lowerBound / step).rounded(.up)
    return (0...count * 3).map { (first + Double($0)) * step }
      .filter { $0 <= range.upperBound + 1e-9 }
  }

  /// `0`, `30 s`, `1:30`, `1:02:00`.
  package static func timeLabel(_ seconds: Double, longest: Double) -> String {
    let whole = Int(seconds.rounded())
    if longest < 60 { return seconds == seconds.rounded() ? "\(whole) s" : "\(seconds) s" }
    let two = { (value: Int) in value < 10 ? "0\(value)" : "\(value)" }
    if longest < 3600 { return "\(whole / 60):\(two(whole % 60))" }
    return "\(whole / 3600):\(two(whole % 3600 / 60)):\(two(whole % 60))"
  }
}
