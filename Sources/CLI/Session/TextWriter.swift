// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Foundation

/// A model from a checkpoint that goes on with a text, byte by byte.
struct TextWriter {
  private let request: RunSession.GenerateRequest
  private let model: GPT

  /// - Throws: `CheckpointError` when it is damaged, or of another model than `configuration`.
  init(_ request: RunSession.GenerateRequest, _ configuration: RunConfiguration) throws {
    self.request = request
    let (store, name) = try CheckpointShelf.find(request.checkpoint)
    let checkpoint = try store.load(name)
    let fresh = try GPT(configuration.model.gpt, seed: Seed(0))
    let shared = checkpoint.tensors.filter { $0.name.hasPrefix("shared.") }
    try checkpoint.requireFit(
      fresh.parameters.map { ($0.name, $0.tensor.shape) } + shared.map { ($0.name, $0.shape) },
      place: "\(store.folder)/\(name)")
    let byName = Dictionary(
      checkpoint.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    model = try fresh.replacingParameters(
      fresh.parameters.map { parameter in
        // `requireFit` has found every name.
        let found = byName[parameter.name]!
        return try Tensor(found.values, shape: found.shape)
      })
  }

  /// Calls `emit` with whole characters; bytes that make none come out as U+FFFD.
  func run(emit: (String) -> Void) throws {
    var waiting: [UInt8] = []
    _ = try model.generate(
      after: request.prompt.utf8.map { Int32($0) }, count: request.count,
      sampling: Sampling(temperature: Float(request.temperature), seed: Seed(request.seed))
    ) { token in
      waiting.append(UInt8(truncatingIfNeeded: token))
      if let text = String(validating: waiting, as: UTF8.self) {
        emit(text)
        waiting = []
      } else if waiting.count >= 4 {
        // No character of UTF-8 is longer.
        emit(String(decoding: waiting, as: UTF8.self))
        waiting = []
      }
      return true
    }
    if !waiting.isEmpty { emit(String(decoding: waiting, as: UTF8.self)) }
  }
}
