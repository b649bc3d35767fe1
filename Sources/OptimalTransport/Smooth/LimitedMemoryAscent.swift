// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Climbs a concave function whose gradient is known: limited-memory BFGS (Nocedal 1980) with steps
/// that satisfy both of Wolfe's conditions, found by bisection.
struct LimitedMemoryAscent {
  private var changes: [(x: [Double], gradient: [Double], product: Double)] = []

  private static let remembered = 12
  private static let trials = 40

  /// The direction in which to climb.
  private func direction(_ gradient: [Double]) -> [Double] {
    var q = gradient
    var factors: [Double] = []
    for change in changes.reversed() {
      let factor = CostKernels.dot(change.x.span, q.span) / change.product
      factors.append(factor)
      CostKernels.accumulate(change.gradient.span, scaledBy: -factor, into: &q)
    }
    if let last = changes.last {
      let scale = last.product / CostKernels.dot(last.gradient.span, last.gradient.span)
      for i in q.indices { q[i] *= scale }
    }
    for (change, factor) in zip(changes, factors.reversed()) {
      let back = CostKernels.dot(change.gradient.span, q.span) / change.product
      CostKernels.accumulate(change.x.span, scaledBy: factor - back, into: &q)
    }
    return q
  }

  /// One step from `x`; nil where none rises.
  mutating func step(
    from x: [Double], value: Double, gradient: [Double], firstLength: Double,
    _ evaluate: ([Double]) -> (value: Double, gradient: [Double])
  ) -> (x: [Double], value: Double, gradient: [Double])? {
    var way = direction(gradient)
    var slope = CostKernels.dot(way.span, gradient.span)
    if !(slope > 0) {
      changes = []
      way = gradient
      slope = CostKernels.dot(way.span, gradient.span)
    }
    guard slope > 0 else { return nil }
    var length = changes.isEmpty ? firstLength : 1
    var (low, high) = (0.0, Double.infinity)
    for _ in 0..<Self.trials {
      var next = x
      CostKernels.accumulate(way.span, scaledBy: length, into: &next)
      let (risen, fresh) = evaluate(next)
      let after = CostKernels.dot(way.span, fresh.span)
      // Near the top values differ by rounding alone, and slopes decide (Hager and Zhang 2005).
      let rises =
        risen >= value + 1e-4 * length * slope
        || risen >= value - 1e-13 * abs(value) && after >= -0.8 * slope
      if !rises {
        high = length
      } else if after > 0.9 * slope {
        low = length
      } else {
        // Gradients fall along the way: the pair's product is that of the function turned over.
        let moved = zip(next, x).map { $0 - $1 }
        let turned = zip(gradient, fresh).map { $0 - $1 }
        let product = CostKernels.dot(moved.span, turned.span)
        if product > 0 {
          changes.append((moved, turned, product))
          if changes.count > Self.remembered { changes.removeFirst() }
        }
        return (next, risen, fresh)
      }
      length = high < .infinity ? (low + high) / 2 : 2 * low
    }
    guard !changes.isEmpty else { return nil }
    changes = []
    return step(
      from: x, value: value, gradient: gradient, firstLength: firstLength, evaluate)
  }
}
