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

  /// Checks names, order and counts before anything is taken from a fellow or a file.
  func require(_ expected: [(name: String, count: Int)], of owner: String) throws(StrategyError) {
    let found = tensors.map { "\($0.name)[\($0.values.count)]" }
    let wanted = expected.map { "\($0.name)[\($0.count)]" }
    guard found == wanted else {
      throw StrategyError(
        .stateMismatch,
        "found tensors \(Self.list(found)), need \(Self.list(wanted))", place: "state of \(owner)",
        remedy: "Use the model size and strategy that the state was made with.")
    }
  }

  private static func list(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.joined(separator: ", ")
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
