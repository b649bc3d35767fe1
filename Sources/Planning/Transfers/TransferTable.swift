// SPDX-License-Identifier: Apache-2.0

/// How bytes that lie apart, in blocks of one size, get over a link.
public enum TransferWay: String, CaseIterable, Codable, Sendable {
  /// Packed into one piece, sent, and unpacked.
  case packed
  /// Straight from where they lie: one call names many blocks (`writev`, `readv`).
  case straight
  /// One call a block.
  case single
}

/// A measurement, or what one would be.
public struct TransferTime: Codable, Hashable, Sendable {
  /// How they got over.
  public let way: TransferWay
  /// How many bytes in all, and in each block; both at least 1.
  public let bytes: Int
  public let block: Int
  /// From the first call to the last byte in its place; above 0.
  public let seconds: Double

  public init(way: TransferWay, bytes: Int, block: Int, seconds: Double) {
    self.way = way
    self.bytes = bytes
    self.block = block
    self.seconds = seconds
  }
}

/// Times measured once on a machine, and from them the way that is expected to be fastest.
///
/// Between measurements logarithms are interpolated, bilinear in those of bytes and block: times go by
/// powers of both. Beyond the largest object time grows with bytes; below the smallest it stays.
///
/// - Note: Pearson, Wu, Chung, Xiong and Hwu 2021 (TEMPI), §4.
public struct TransferTable: Sendable {
  /// The most measurements of a table.
  public static let timesMax = 100_000

  /// Of one way: the logarithms of bytes, and for each those of blocks with their times.
  private struct Row: Sendable {
    let bytes: Double
    var blocks: [Double] = []
    var times: [Double] = []
  }

  private let rows: [TransferWay: [Row]]
  /// The ways that were measured.
  public var ways: [TransferWay] { TransferWay.allCases.filter { rows[$0] != nil } }

  /// - Throws: `.badWeights` for no times, or one that is not above 0 or twice there.
  public init(_ times: [TransferTime]) throws(PlanningError) {
    func refuse(_ what: String) -> PlanningError {
      PlanningError(
        .badWeights, what, at: "a table of transfers",
        remedy: "Measure it anew, each size once, on a machine that does nothing else.")
    }
    guard (1...Self.timesMax).contains(times.count) else {
      throw refuse("\(times.count) measurements, not 1 to \(Self.timesMax)")
    }
    var rows: [TransferWay: [Row]] = [:]
    for time in times.sorted(by: { ($0.bytes, $0.block) < ($1.bytes, $1.block) }) {
      guard time.bytes > 0, time.block > 0, time.seconds > 0, time.seconds.isFinite else {
        throw refuse(
          "\(time.way) took \(time.seconds) s for \(time.bytes) bytes in blocks of \(time.block)")
      }
      let (bytes, block) = (Self.log2(time.bytes), Self.log2(time.block))
      if rows[time.way]?.last?.bytes != bytes {
        rows[time.way, default: []].append(Row(bytes: bytes))
      }
      let last = rows[time.way]!.count - 1
      guard rows[time.way]![last].blocks.last != block else {
        throw refuse("\(time.way) of \(time.bytes) bytes in blocks of \(time.block) is there twice")
      }
      rows[time.way]![last].blocks.append(block)
      rows[time.way]![last].times.append(Self.log2(time.seconds))
    }
    self.rows = rows
  }

  /// The time that a way is expected to take; nil for one that was not measured.
  public func seconds(_ way: TransferWay, bytes: Int, block: Int) -> Double? {
    guard let rows = rows[way] else { return nil }
    let (x, y) = (Self.log2(max(1, bytes)), Self.log2(max(1, min(block, bytes))))
    let times = rows.map { Self.interpolate($0.blocks, $0.times, at: y) }
    let all = rows.map(\.bytes)
    let inside = Self.interpolate(all, times, at: x)
    // Twice the bytes beyond the largest take twice the time.
    return Self.exp2(inside + max(0, x - all.last!))
  }

  /// The fastest way by these times; of equal ones the first of `TransferWay`.
  public func choice(bytes: Int, block: Int) -> TransferTime {
    let times = ways.map {
      TransferTime(
        way: $0, bytes: bytes, block: block, seconds: seconds($0, bytes: bytes, block: block)!)
    }
    return times.min { $0.seconds < $1.seconds }!
  }

  /// How good the choices are: `times` are measurements of all ways at other sizes.
  ///
  /// - Returns: how many sizes there are, and for how many of them the chosen way took at most
  ///   `1 + slack` of the time of the fastest.
  public func score(_ times: [TransferTime], slack: Double) -> (sizes: Int, good: Int) {
    var sizes: [[Int]: [TransferWay: Double]] = [:]
    for time in times { sizes[[time.bytes, time.block], default: [:]][time.way] = time.seconds }
    let good = sizes.count { size, measured in
      let way = choice(bytes: size[0], block: size[1]).way
      guard let best = measured.values.min(), let ours = measured[way] else { return false }
      return ours <= best * (1 + slack)
    }
    return (sizes.count, good)
  }

  /// Linear between the places, constant outside them.
  private static func interpolate(_ places: [Double], _ values: [Double], at x: Double) -> Double {
    guard let above = places.firstIndex(where: { $0 >= x }) else { return values.last! }
    guard above > 0 else { return values[0] }
    let part = (x - places[above - 1]) / (places[above] - places[above - 1])
    return values[above - 1] + part * (values[above] - values[above - 1])
  }

  private static func log2(_ value: Int) -> Double { log2(Double(value)) }

  /// By halving and squaring: the same on every machine, so that all peers choose alike.
  private static func log2(_ value: Double) -> Double {
    var (result, part, rest) = (Double(value.exponent), 0.5, value.significand)
    for _ in 0..<40 {
      rest *= rest
      if rest >= 2 {
        rest /= 2
        result += part
      }
      part /= 2
    }
    return result
  }

  private static func exp2(_ value: Double) -> Double {
    let whole = value.rounded(.down)
    var (result, part, rest) = (1.0, 2.0, value - whole)
    for _ in 0..<40 {
      part = part.squareRoot()
      rest *= 2
      if rest >= 1 {
        rest -= 1
        result *= part
      }
    }
    return Double(sign: .plus, exponent: Int(whole), significand: result)
  }
}
