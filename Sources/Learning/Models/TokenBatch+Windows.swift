// SPDX-License-Identifier: Apache-2.0

extension TokenBatch {
  /// The windows of a text, as tokens: one byte each.
  public init(_ windows: WindowBatch) {
    rows = windows.rows
    time = windows.context
    tokens = windows.inputs
    targets = windows.targets
  }
}
