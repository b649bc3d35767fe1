// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The learning rate at each step.
public enum Schedule: Hashable, Sendable {
  case constant(Float)
  /// From `from` at step 0 straight to `to` at step `steps`, and there from then on.
  case linear(from: Float, to: Float, steps: Int)
  /// Up from 0 over `warmup` steps to `peak`, then along half a cosine to `floor` at `steps`.
  case warmupCosine(peak: Float, floor: Float, warmup: Int, steps: Int)

  /// The rate for step `step`, counted from 0.
  public func rate(at step: Int) -> Float {
    switch self {
    case .constant(let rate): return rate
    case .linear(let from, let to, let steps):
      let done = steps > 0 ? min(1, Float(max(0, step)) / Float(steps)) : 1
      return from + (to - from) * done
    case .warmupCosine(let peak, let floor, let warmup, let steps):
      if step < warmup { return peak * Float(step + 1) / Float(warmup) }
      let length = steps - warmup
      let done = length > 0 ? min(1, Double(step - warmup) / Double(length)) : 1
      return floor + (peak - floor) * Float(0.5 * (1 + cos(Double.pi * done)))
    }
  }
}
