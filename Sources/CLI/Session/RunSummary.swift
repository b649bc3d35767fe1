// SPDX-License-Identifier: Apache-2.0

/// What `ferry train` and `ferry join` print at the end.
package struct RunSummary: Sendable {
  private let finished: Event.Finished

  package init(_ finished: Event.Finished) { self.finished = finished }

  package var text: String {
    var lines = [
      "Finished \(finished.rounds) rounds, \(finished.steps) steps, "
        + "\(Quantity.count(Double(finished.tokens))) tokens in "
        + Quantity.seconds(finished.seconds) + "."
    ]
    if let bits = finished.bitsPerByte {
      lines.append("Validation   \(Quantity.decimal(bits, digits: 3)) bits per byte")
    }
    lines.append("Parameters   sha256 \(finished.hash)")
    var sent = "Sent         \(Quantity.bytes(finished.sent.total))"
    if finished.sent.total > 0, finished.dataParallelBytes > 0 {
      let ratio = Double(finished.dataParallelBytes) / Double(finished.sent.total)
      sent +=
        ", \(Quantity.ratio(ratio)) fewer than data-parallel "
        + "(\(Quantity.bytes(finished.dataParallelBytes)))"
    }
    lines.append(sent)
    return lines.joined(separator: "\n")
  }
}
