// SPDX-License-Identifier: Apache-2.0

public import FerryLearning
public import FerryPeers

/// Local steps with the inner optimizer, then one exchange of what they amount to.
///
/// Each round: H inner steps from the common θ̄, `Δ = mean(θ̄ − θ)` weighted by samples used, one
/// outer step, θ ← θ̄. Shared: θ̄ and the outer momentum. Own: the inner optimizer's memory, which
/// is never averaged and never reset.
///
/// A member that did fewer steps (it is slow, or was told to hurry) counts by the samples it
/// used; one that did none counts nothing. When nobody did any, the round changes nothing.
///
/// - Note: Douillard et al. 2023, arXiv 2311.08105.
public struct DiLoCo: Strategy {
  /// H, above 0: inner steps a round.
  public let localSteps: Int
  public let outer: OuterStep

  private var global: [Float] = []
  private var momentum: [Float] = []
  /// The round this member still owes a contribution, and how far it is.
  private var open: (round: UInt64, stepsLeft: Int)?

  public init(localSteps: Int, outer: OuterStep = OuterStep(learningRate: 0.7, momentum: 0.9)) {
    precondition(localSteps > 0, "DiLoCo needs at least 1 local step, got \(localSteps)")
    self.localSteps = localSteps
    self.outer = outer
  }

  /// Plain averaging of parameters every `steps`: outer rate 1, no momentum.
  public static func localAveraging(every steps: Int) -> DiLoCo {
    DiLoCo(localSteps: steps, outer: OuterStep(learningRate: 1, momentum: 0))
  }

  public func quotas(round: UInt64, view: View) -> [Int] {
    Array(repeating: localSteps, count: view.members.count)
  }

  public func width(round: UInt64, layout: ParameterLayout) -> Int { layout.count }

  public mutating func handle<R: Replica>(
    _ event: StrategyEvent, on replica: inout R, at moment: Moment
  ) throws -> [StrategyAction] {
    switch event {
    case .founded:
      global = try replica.parameters()
      momentum = Array(repeating: 0, count: global.count)
      return []
    case .loaded(let state):
      try adopt(state, on: &replica)
      open = nil
      return [.rest]
    case .opened(let round, _, let batches):
      open = (round, min(batches, localSteps))
      return batches > 0 ? [.compute(.step)] : try contribution(of: replica, at: moment)
    case .computed:
      guard let (round, left) = open else { return [] }
      open = (round, left - 1)
      return left > 1 ? [.compute(.step)] : try contribution(of: replica, at: moment)
    case .hurried:
      return try contribution(of: replica, at: moment)
    case .landed(let landing):
      // Work for a round that went on without this member is dropped: its samples were not
      // reported and are dealt again.
      open = nil
      if landing.weight > 0 {
        outer.apply(landing.values, to: &global, buffer: &momentum)
      }
      try replica.setParameters(global)
      return [.rest, .applied(round: landing.round)]
    case .changed, .received, .woke:
      return []
    }
  }

  /// Hands in what the steps since the round's beginning amount to; nothing if already done.
  private mutating func contribution<R: Replica>(
    of replica: R, at moment: Moment
  ) throws -> [StrategyAction] {
    guard let round = open?.round else { return [] }
    open = nil
    let delta = OuterStep.pseudoGradient(global: global, local: try replica.parameters())
    return [
      .rest, .contribute(round: round, values: delta, weight: Double(moment.samplesUsed)),
    ]
  }

  public func sharedState<R: Replica>(of replica: R) -> StrategyState {
    StrategyState(tensors: [
      NamedTensor(name: StrategyState.parametersName, values: global),
      NamedTensor(name: Self.momentumName, values: momentum),
    ])
  }

  public func ownState<R: Replica>(of replica: R) throws -> StrategyState {
    let optimizer = try replica.optimizerState()
    return StrategyState(tensors: optimizer.tensors, note: optimizer.note)
  }

  public mutating func restore<R: Replica>(
    shared: StrategyState, own: StrategyState, on replica: inout R
  ) throws {
    let optimizer = try replica.optimizerState()
    let tensors = try own.tensors(
      optimizer.tensors.map { ($0.name, $0.values.count) }, of: "DiLoCo's inner optimizer")
    let memory = try OptimizerState(like: optimizer, tensors: tensors[...], note: own.note)
    try adopt(shared, on: &replica)
    try replica.setOptimizerState(memory)
    open = nil
  }

  private mutating func adopt<R: Replica>(_ state: StrategyState, on replica: inout R) throws {
    let names = [StrategyState.parametersName, Self.momentumName]
    let tensors = try state.tensors(names.map { ($0, replica.layout.count) }, of: "DiLoCo")
    global = tensors[0].values
    momentum = tensors[1].values
    try replica.setParameters(global)
  }

  /// The name of the shared tensor b, `[layout.count]`.
  public static let momentumName = "outer-momentum"
}
