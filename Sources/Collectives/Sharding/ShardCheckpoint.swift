// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryPlanning

/// The exact part of the state that one rank owns between two steps: what it writes to a file, and
/// what any nest of ranks goes on from once all parts are there.
public struct ShardCheckpoint: Sendable {
  /// Which parameters, padding not among them; may be empty.
  public let range: Range<Int>
  /// Steps made.
  public let steps: Int
  public let parameters: [Float]
  /// What the optimizer remembers of them, by name.
  public let state: [(name: String, values: [Float])]

  /// All vectors have the range's length.
  public init(
    range: Range<Int>, steps: Int, parameters: [Float],
    state: [(name: String, values: [Float])]
  ) {
    precondition(
      parameters.count == range.count && state.allSatisfy { $0.values.count == range.count },
      "\(parameters.count) parameters for \(range)")
    self.range = range
    self.steps = steps
    self.parameters = parameters
    self.state = state
  }
}

extension ShardMember {
  /// What this rank owns; call between steps.
  public func checkpoint() -> ShardCheckpoint {
    let own = layout.range(of: rank, at: scheme.optimizer)
    let range = own.clamped(to: 0..<layout.count)
    return ShardCheckpoint(
      range: range, steps: steps, parameters: Array(master.prefix(range.count)),
      state: optimizer.state.map { ($0.name, Array($0.values.prefix(range.count))) })
  }

  /// Goes on from a checkpoint, over the same nest or any other: all ranks call alike.
  ///
  /// With the same scheme and nest every later bit is that of a run that was not interrupted.
  /// - Parameter parts: of one moment, in any order; those that cover this rank's range are enough.
  /// - Throws: `.stateLost`, naming the parameters that no part has, or that the parts are of
  ///   different steps; as `init` and `step` else.
  public init(
    resuming parts: [ShardCheckpoint], _ scheme: ShardScheme, layout: ShardLayout, rank: Int,
    seed: Seed, gradientNormMax: Float? = nil, copies: ShardCopies = .none,
    over fabric: some ShardFabric, optimizer make: (Range<Int>) -> Optimizer
  ) throws(CollectiveError) {
    try Self.check(scheme, layout, rank)
    let own = layout.range(of: rank, at: scheme.optimizer)
    let wanted = own.clamped(to: 0..<layout.count)
    let needed = parts.filter { $0.range.overlaps(wanted) }
      .sorted { $0.range.lowerBound < $1.range.lowerBound }
    func refused(_ what: String) -> CollectiveError {
      CollectiveError(
        .stateLost, what, place: "checkpoint of \(parts.count) parts, rank \(rank)",
        remedy: "Give the parts of all ranks, of one moment.")
    }
    guard let steps = parts.first?.steps, parts.allSatisfy({ $0.steps == steps }) else {
      throw refused("the parts are of steps \(Set(parts.map(\.steps)).sorted())")
    }
    var optimizer = make(own)
    let names = optimizer.state.map(\.name)
    var vectors = [[Float]](repeating: [], count: names.count + 1)
    var end = wanted.lowerBound
    for part in needed where part.range.upperBound > end {
      guard part.range.lowerBound <= end else { break }
      guard part.state.map(\.name) == names else {
        throw refused("a part has \(part.state.map(\.name)), and the optimizer \(names)")
      }
      let taken =
        end - part.range.lowerBound..<min(part.range.upperBound, wanted.upperBound)
        - part.range.lowerBound
      vectors[0] += part.parameters[taken]
      for (at, slot) in part.state.enumerated() { vectors[at + 1] += slot.values[taken] }
      end += taken.count
    }
    guard end >= wanted.upperBound else {
      throw refused("parameters from \(end) on are in none of them")
    }
    for at in vectors.indices {
      vectors[at] += Array(repeating: 0, count: own.count - vectors[at].count)
    }
    optimizer.restore(
      zip(names, vectors.dropFirst()).map { (name: $0, values: $1) }, steps: steps)
    self.init(
      scheme, layout, rank, seed, gradientNormMax, copies, master: vectors[0], optimizer: optimizer,
      steps: steps)
    try returnWeights(over: fabric)
    try copyState(over: fabric)
  }
}
