// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryLearning

/// Tensors by name and a few bytes: a strategy's memory, on its way to a fellow or a file.
public struct StrategyState: Sendable, Equatable {
  /// The shared tensor of this name is the model, `[layout.count]`: what to evaluate, and to
  /// generate with. Every strategy's shared state has it.
  public static let parametersName = "parameters"

  public let tensors: [NamedTensor]
  public let note: [UInt8]

  public init(tensors: [NamedTensor] = [], note: [UInt8] = []) {
    self.tensors = tensors
    self.note = note
  }

  /// The tensors in the order of `expected`: a file keeps them in an order of its own.
  ///
  /// - Throws: `.stateMismatch` unless there are those, of these counts, and no others.
  func tensors(
    _ expected: [(name: String, count: Int)], of owner: String
  ) throws(StrategyError) -> [NamedTensor] {
    let here = Dictionary(tensors.map { ($0.name, $0) }) { first, _ in first }
    let arranged = expected.compactMap { name, count in
      here[name].flatMap { $0.values.count == count ? $0 : nil }
    }
    guard arranged.count == expected.count, tensors.count == expected.count else {
      let found = tensors.map { "\($0.name)[\($0.values.count)]" }
      let wanted = expected.map { "\($0.name)[\($0.count)]" }
      throw StrategyError(
        .stateMismatch,
        "found tensors \(Self.list(found.filter { !wanted.contains($0) })), "
          + "need \(Self.list(wanted.filter { !found.contains($0) }))",
        place: "state of \(owner)",
        remedy: "Use the model size and strategy that the state was made with.")
    }
    return arranged
  }

  private static let namesShownMax = 5

  private static func list(_ names: [String]) -> String {
    if names.isEmpty { return "none" }
    let more = names.count - namesShownMax
    return names.prefix(namesShownMax).joined(separator: ", ")
      + (more > 0 ? " and \(more) more" : "")
  }
}

extension OptimizerState {
  /// What of it is not tensors: the step count.
  var note: [UInt8] {
    var writer = ByteWriter()
    writer.put(steps)
    return writer.bytes
  }

  /// Puts together what travelled apart. Shapes do not travel; the present ones are taken.
  init(like present: OptimizerState, tensors: ArraySlice<NamedTensor>, note: [UInt8]) throws {
    var reader = ByteReader(note, place: "optimizer state")
    let steps: UInt64 = try reader.number()
    try reader.end()
    self.init(
      tensors: zip(present.tensors, tensors).map {
        NamedTensor(name: $0.name, shape: $0.shape, values: $1.values)
      }, steps: steps)
  }
}
