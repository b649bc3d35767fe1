// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Rows of bytes and, for each, the byte that follows it.
public struct WindowBatch: Hashable, Sendable {
  /// How many windows.
  public let rows: Int
  /// Tokens in each.
  public let context: Int
  /// What the model sees: `[rows, context]`, row by row, 0 to 255.
  public let inputs: [Int32]
  /// What it should say: `[rows, context]`, each the token after that input.
  public let targets: [Int32]
}

/// A text cut into windows of `context + 1` bytes, one every `context` bytes.
///
/// Each byte but the first is a target exactly once in a pass. The last, incomplete window of each
/// part is left out.
public struct WindowDataset: Sendable {
  /// The text.
  public let corpus: Corpus
  /// Tokens a model sees at once.
  public let context: Int
  /// The order in which the training part is drawn.
  public let stream: SampleStream

  /// Windows over a text.
  ///
  /// - Parameters:
  ///   - context: tokens of a window, at least 1.
  ///   - seed: what the order of samples is drawn from; equal on all peers of a run.
  /// - Throws: `.textTooShort` when a part of the text is shorter than one window.
  public init(_ corpus: Corpus, context: Int, seed: Seed) throws(DataError) {
    try corpus.requireWindow(context: context)
    self.corpus = corpus
    self.context = context
    stream = SampleStream(
      count: UInt64((corpus.training.count - 1) / context), seed: seed.derived("samples"))
  }

  /// Samples in one pass over the training part.
  public var count: UInt64 { stream.count }

  /// Windows in the validation part.
  public var validationCount: Int { (corpus.validation.count - 1) / context }

  /// The windows at these positions of the endless stream, in order.
  public func batch(positions: [Range<UInt64>]) -> WindowBatch {
    let samples = positions.flatMap { stream.samples(at: $0) }
    return batch(startingAt: samples.map { Int($0) * context })
  }

  /// Up to `windows` windows of the validation part, evenly spread over it, `rows` at a time (fewer
  /// in the last batch): always the same ones.
  public func validationBatches(rows: Int, windows: Int) -> [WindowBatch] {
    precondition(rows >= 1 && windows >= 1, "\(windows) windows in batches of \(rows)")
    let count = min(windows, validationCount)
    let starts = (0..<count).map {
      corpus.validationStart + $0 * validationCount / count * context
    }
    return stride(from: 0, to: count, by: rows).map {
      batch(startingAt: Array(starts[$0..<min($0 + rows, count)]))
    }
  }

  private func batch(startingAt starts: [Int]) -> WindowBatch {
    var inputs: [Int32] = []
    var targets: [Int32] = []
    inputs.reserveCapacity(starts.count * context)
    targets.reserveCapacity(starts.count * context)
    for start in starts {
      for index in start..<start + context {
        inputs.append(Int32(corpus.bytes[index]))
        targets.append(Int32(corpus.bytes[index + 1]))
      }
    }
    return WindowBatch(rows: starts.count, context: context, inputs: inputs, targets: targets)
  }
}
