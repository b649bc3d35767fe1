// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Extrapolation")
struct ExtrapolationTests {
  /// Rates of a contraction around `center`; the slowest alone would need 130 steps for 1e-6.
  private let rates = [0.9, -0.5, 0.7, 0.3, 0.85, 0.1]
  private let center = [3.0, -1, 2, 0.5, -4, 1]
  private let masses = [0.1, 0.3, 0.2, 0.1, 0.2, 0.1]

  private func step(_ state: [Double]) -> [Double] {
    state.indices.map { center[$0] + rates[$0] * (state[$0] - center[$0]) }
  }

  private func error(_ state: [Double]) -> Double {
    zip(zip(step(state), state), masses).reduce(0) { $0 + $1.1 * abs($1.0.0 - $1.0.1) }
  }

  @Test("a linear contraction in six dimensions is solved in eight steps")
  func linear() {
    var own = Extrapolation(masses: masses)
    for _ in 0..<8 { own.take(step(own.state), error: error(own.state)) }
    #expect(error(own.state) < 1e-6)
    #expect(zip(own.state, center).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test("logarithms counted from elsewhere midway end at the same place")
  func rebased() {
    var own = Extrapolation(masses: masses)
    var origin = [Double](repeating: 0, count: 6)
    for k in 0..<8 {
      let state = zip(origin, own.state).map { $0 + $1 }
      own.take(zip(step(state), origin).map { $0 - $1 }, error: error(state))
      if k == 2 || k == 5 {
        origin = zip(origin, own.state).map { $0 + $1 }
        own.rebase()
        #expect(own.state.allSatisfy { $0 == 0 })
      }
    }
    #expect(error(zip(origin, own.state).map { $0 + $1 }) < 1e-6)
  }

  @Test("an error that rises leads back to the best plain step, then twice as many as last time")
  func retreats() {
    var own = Extrapolation(masses: [1])
    var error = 1.0
    // Steps of a half, so that what is extrapolated lies beyond `after`.
    func half() -> [Double] { [own.state[0] / 2 + 1] }
    for plainSteps in [1, 2, 4] {
      var best: [Double] = []
      var wasExtrapolated = false
      for _ in 0..<4 where !wasExtrapolated {
        best = half()
        error /= 2
        own.take(best, error: error)
        wasExtrapolated = own.state != best
      }
      #expect(wasExtrapolated)
      own.take([99], error: error * 5)
      #expect(own.state == best)
      for _ in 0..<plainSteps {
        let after = half()
        error /= 2
        own.take(after, error: error)
        #expect(own.state == after)
      }
    }
  }

  @Test("nothing is farther than ten, nor anything but a number")
  func stays() {
    var own = Extrapolation(masses: [1])
    own.take([1], error: 1)
    // Residuals of 1 and 0.999: the zero of the line through them lies at 1,000.
    own.take([1.999], error: 0.9)
    #expect(own.state == [1.999])
    // No difference at all says nothing.
    var still = Extrapolation(masses: [1, 1])
    for _ in 0..<3 {
      still.take([0, 0], error: 0.5)
      #expect(still.state == [0, 0])
    }
    let hasRetreated = still.retreat()
    #expect(!hasRetreated)
  }
}
