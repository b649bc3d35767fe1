// SPDX-License-Identifier: Apache-2.0

public import FerryLearning
public import FerryPeers

/// One gradient a member a round; all apply the mean, weighted by samples.
///
/// Every round is one optimizer step of a batch as large as all members' together. Shared:
/// parameters and the optimizer's memory. They stay equal bit for bit only if all members'
/// optimizers compute alike: members of one kind of machine and one build.
public struct DataParallel: Strategy {
  private var open: UInt64?

  public init() {}

  public func quotas(round: UInt64, view: View) -> [Int] {
    Array(repeating: 1, count: view.members.count)
  }

  public func width(round: UInt64, layout: ParameterLayout) -> Int { layout.count }

  public mutating func handle<R: Replica>(
    _ event: StrategyEvent, on replica: inout R, at moment: Moment
  ) throws -> [StrategyAction] {
    switch event {
    case .founded:
      return []
    case .loaded(let state):
      try adopt(state, on: &replica)
      open = nil
      return [.rest]
    case .opened(let round, _, let batches):
      open = round
      return batches > 0 ? [.compute(.gradient(.next))] : abstention(on: replica)
    case .computed(let outcome):
      guard let round = open, case .gradient(let result) = outcome else { return [] }
      open = nil
      return [
        .contribute(
          round: round, values: result.gradient, weight: Double(moment.samplesUsed))
      ]
    case .hurried:
      return abstention(on: replica)
    case .landed(let landing):
      open = nil
      if landing.weight > 0 {
        try replica.apply(gradient: landing.values, learningRate: moment.learningRate)
      }
      return [.rest, .applied(round: landing.round)]
    case .changed, .received, .woke:
      return []
    }
  }

  private mutating func abstention<R: Replica>(on replica: R) -> [StrategyAction] {
    guard let round = open else { return [] }
    open = nil
    let zeros = [Float](repeating: 0, count: replica.layout.count)
    return [.rest, .contribute(round: round, values: zeros, weight: 0)]
  }

  public func sharedState<R: Replica>(of replica: R) throws -> StrategyState {
    let optimizer = try replica.optimizerState()
    return StrategyState(
      tensors: [NamedTensor(name: StrategyState.parametersName, values: try replica.parameters())]
        + optimizer.tensors,
      note: optimizer.note)
  }

  public func ownState<R: Replica>(of replica: R) -> StrategyState { .init() }

  public mutating func restore<R: Replica>(
    shared: StrategyState, own: StrategyState, on replica: inout R
  ) throws {
    try adopt(shared, on: &replica)
    open = nil
  }

  private func adopt<R: Replica>(_ state: StrategyState, on replica: inout R) throws {
    let optimizer = try replica.optimizerState()
    let tensors = try state.tensors(
      [(StrategyState.parametersName, replica.layout.count)]
        + optimizer.tensors.map { ($0.name, $0.values.count) }, of: "data-parallel")
    try replica.setOptimizerState(
      try OptimizerState(
        like: optimizer, tensors: tensors.dropFirst(), note: state.note))
    try replica.setParameters(tensors[0].values)
  }
}
