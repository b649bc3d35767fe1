// SPDX-License-Identifier: Apache-2.0

/// The outer optimizer of the DiLoCo family: Nesterov momentum on the mean pseudo-gradient.
///
/// First goal: the same bits on every member. The loops are plain Swift, which never fuses a
/// multiplication with an addition (C compilers do on ARM, by default), and each element is
/// computed alone, so neither vector width nor thread count can matter.
public struct OuterStep: Sendable, Equatable {
  /// η: 0.7 in DiLoCo; 1 is plain averaging. Above 0.
  public let learningRate: Float
  /// ρ: 0.9 in DiLoCo, 0 for none. In 0..<1.
  public let momentum: Float

  public init(learningRate: Float, momentum: Float) {
    precondition(
      learningRate > 0 && learningRate.isFinite, "outer learning rate \(learningRate)")
    precondition(momentum >= 0 && momentum < 1, "outer momentum \(momentum)")
    self.learningRate = learningRate
    self.momentum = momentum
  }

  /// `b ← ρ b + Δ`, then `θ̄ ← θ̄ − η (Δ + ρ b)`. All three have the same count.
  ///
  /// - Parameter delta: Δ, the mean over members of `θ̄ − θ`: it points like a gradient.
  /// - Note: Douillard et al. 2023 (arXiv 2311.08105), algorithm 1; `b` starts at zero.
  public func apply(_ delta: [Float], to global: inout [Float], buffer: inout [Float]) {
    precondition(
      delta.count == global.count && delta.count == buffer.count,
      "\(delta.count) pseudo-gradients, \(global.count) parameters, \(buffer.count) momenta")
    let (eta, rho) = (learningRate, momentum)
    let d = delta.span
    var theta = global.mutableSpan
    var b = buffer.mutableSpan
    for i in d.indices {
      b[i] = rho * b[i] + d[i]
      theta[i] = theta[i] - eta * (d[i] + rho * b[i])
    }
  }

  /// `θ̄ − θ`, element by element: what a member's local steps amount to, as a gradient.
  public static func pseudoGradient(global: [Float], local: [Float]) -> [Float] {
    precondition(
      global.count == local.count, "\(global.count) global, \(local.count) local parameters")
    var delta = global
    var d = delta.mutableSpan
    let theta = local.span
    for i in theta.indices { d[i] = d[i] - theta[i] }
    return delta
  }
}
