// SPDX-License-Identifier: Apache-2.0

/// Rows of tokens and, for each token, the one that follows it.
public struct TokenBatch: Hashable, Sendable {
  public let rows: Int
  /// Tokens a row.
  public let time: Int
  /// `[rows, time]`, row-major.
  public let tokens: [Int32]
  /// `[rows, time]`: what comes after each token.
  public let targets: [Int32]

  /// From runs of `time + 1` tokens, all of one length of at least 2.
  public init(windows: [[Int32]]) throws(LearningError) {
    guard let length = windows.first?.count, length >= 2,
      windows.allSatisfy({ $0.count == length })
    else {
      throw LearningError(
        .shapeMismatch, "windows of \(Set(windows.map(\.count)).sorted()) tokens", place: "batch",
        remedy: "Give at least one window, all of the same length of at least 2.")
    }
    rows = windows.count
    time = length - 1
    tokens = windows.flatMap { $0.dropLast() }
    targets = windows.flatMap { $0.dropFirst() }
  }

  /// Throws `.tokenOutOfRange` unless all tokens are in 0 ..< `vocabulary`.
  func check(vocabulary: Int) throws(LearningError) {
    for list in [tokens, targets] {
      if let bad = list.first(where: { $0 < 0 || $0 >= vocabulary }) {
        throw LearningError(
          .tokenOutOfRange, "token \(bad) with a vocabulary of \(vocabulary)", place: "batch",
          remedy: "Use the tokenizer that belongs to this model.")
      }
    }
  }

  func tensors() throws(LearningError) -> (tokens: Tensor, targets: Tensor) {
    (
      try Tensor(integers: tokens, shape: [rows, time]),
      try Tensor(integers: targets, shape: [rows, time])
    )
  }
}
