// SPDX-License-Identifier: Apache-2.0

/// Finds shares at which a function is greatest: gradient steps, each back onto the simplex, halved until
/// they climb.
///
/// The paper takes 100 steps of 5e-4 · 0.9ᵗ, which depends on the unit of what is predicted and may stop
/// anywhere; here steps begin at a change of shares and end where none climbs.
public struct MixtureSearch: Sendable {
  /// The first step's greatest change of a share, above 0.
  public var step: Double
  /// How many steps each start takes at most.
  public var iterationsMax: Int

  public init(step: Double = 0.25, iterationsMax: Int = 50) {
    self.step = step
    self.iterationsMax = iterationsMax
  }

  /// Shares and what they come to.
  public struct Choice: Sendable, Equatable {
    /// At least 0, adding up to 1.
    public let mixture: [Double]
    /// The function there.
    public let value: Double
    /// The function at each start's end, in the order of starts: a function with several hills has
    /// several.
    public let ends: [Double]
  }

  /// Smaller changes of shares make no difference.
  private static let stepLeast = 1e-5

  /// Climbs from each start; the highest end is chosen.
  ///
  /// - Parameter function: the value and its slopes by the shares, of which a common part does not matter.
  /// - Throws: `.badSetting` for no starts or settings out of range; `.cancelled`; what the function throws.
  public func callAsFunction(
    _ starts: [[Double]],
    _ function: ([Double]) throws(TransportError) -> (value: Double, slopes: [Double])
  ) throws(TransportError) -> Choice {
    guard !starts.isEmpty, step > 0, step.isFinite, iterationsMax > 0 else {
      throw TransportError(
        .badSetting, "\(starts.count) starts, a step of \(step), \(iterationsMax) iterations",
        at: "mixture search", remedy: "Give a start, a step above 0 and at least 1 iteration.")
    }
    var best: (mixture: [Double], value: Double)?
    var ends: [Double] = []
    for start in starts {
      var at = Self.projected(start)
      var here = try function(at)
      var length = step
      climbing: for _ in 0..<iterationsMax {
        try checkCancelled("mixture search")
        let mean = here.slopes.reduce(0, +) / Double(at.count)
        let steepest = here.slopes.reduce(0) { max($0, abs($1 - mean)) }
        guard steepest > 0 else { break }
        while true {
          let next = Self.projected(
            zip(at, here.slopes).map { $0 + length * ($1 - mean) / steepest })
          let there = try function(next)
          if there.value > here.value {
            (at, here) = (next, there)
            break
          }
          length /= 2
          guard length > Self.stepLeast else { break climbing }
        }
      }
      ends.append(here.value)
      if best == nil || here.value > best!.value { best = (at, here.value) }
    }
    return Choice(mixture: best!.mixture, value: best!.value, ends: ends)
  }

  /// The nearest point of the simplex: what is left of `x` less a threshold (Held, Wolfe and Crowder 1974).
  static func projected(_ x: [Double]) -> [Double] {
    var sum = 0.0
    var threshold = 0.0
    for (k, value) in x.sorted(by: >).enumerated() {
      sum += value
      let candidate = (sum - 1) / Double(k + 1)
      if value > candidate { threshold = candidate }
    }
    return x.map { max(0, $0 - threshold) }
  }
}
