// SPDX-License-Identifier: Apache-2.0

package import FerryPlanning

/// What `ferry plan shards` found: each scheme's figures, and the one to take.
package struct ShardsPlan: Codable, Equatable, Sendable {
  /// One scheme's figures, for each rank.
  package struct Row: Codable, Equatable, Sendable {
    package let scheme: String
    /// Over how many ranks each is sharded.
    package let weights: Int
    package let gradients: Int
    package let state: Int
    package let memoryBytes: Double
    package let fits: Bool
    /// Sent a step, innermost level first.
    package let bytesSent: [Double]
    package let seconds: Double
  }

  package let parameters: Double
  package let sizes: [Int]
  package let memoryBytes: Double
  package let microBatches: Int
  package let schemes: [Row]
  /// Nil when none fits.
  package let chosen: String?

  package init(
    parameters: Double, nest: Nest, gigabytesPerSecond: [Double], memory: Double, batches: Int
  ) throws {
    let choice = try ShardChoice(
      count: parameters, over: nest, speeds: gigabytesPerSecond.map { $0 * 1e9 }, memory: memory,
      batches: batches)
    self.parameters = parameters
    sizes = nest.sizes
    memoryBytes = memory
    microBatches = batches
    schemes = choice.rows.map { row in
      Row(
        scheme: row.scheme.name, weights: nest.widths[row.scheme.weights],
        gradients: nest.widths[row.scheme.gradients], state: nest.widths[row.scheme.optimizer],
        memoryBytes: row.cost.memory, fits: row.fits, bytesSent: row.cost.bytes,
        seconds: row.seconds)
    }
    chosen = choice.chosen.map { choice.rows[$0].scheme.name }
  }

  package var text: String {
    func bytes(_ count: Double) -> String { Quantity.bytes(Int(count.rounded())) }
    let ranks = sizes.reduce(1, *)
    let levels = sizes.indices.map { ("LEVEL \($0)", TextTable.Alignment.trailing) }
    var table = TextTable(
      [
        ("SCHEME", .leading), ("WEIGHTS", .trailing), ("GRADIENTS", .trailing),
        ("STATE", .trailing), ("MEMORY", .trailing), ("FITS", .leading),
      ] + levels + [("TIME", .trailing)])
    for row in schemes {
      table.add(
        [
          row.scheme, "1/\(row.weights)", "1/\(row.gradients)", "1/\(row.state)",
          bytes(row.memoryBytes), row.fits ? "yes" : "no",
        ] + row.bytesSent.map(bytes) + [Quantity.seconds(row.seconds)])
    }
    let isPlain = schemes.contains { $0.scheme == chosen && $0.gradients == 1 }
    let word =
      chosen.map {
        "take    \($0): \(isPlain ? "plain, and it fits" : "the fastest of those that fit")"
      } ?? "take    none: no scheme fits; more ranks, more memory, or a smaller model"
    let shape = sizes.map(String.init).joined(separator: " × ")
    return """
      model   \(Quantity.count(parameters)) parameters on \(ranks) ranks, \(shape), \
      \(bytes(memoryBytes)) each
      \(table.text)\(word)

      """
  }
}
