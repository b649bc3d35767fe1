// SPDX-License-Identifier: Apache-2.0

package import FerryPlanning
import Foundation

/// The ways bytes that lie apart could get over a link, with their expected times.
package struct TransferPlan: Encodable, Sendable {
  let bytes: Int
  let block: Int
  let choice: String
  /// Expected seconds by way.
  let seconds: [String: Double]

  package init(_ table: TransferTable, bytes: Int, block: Int) {
    (self.bytes, self.block) = (bytes, block)
    choice = table.choice(bytes: bytes, block: block).way.rawValue
    seconds = Dictionary(
      uniqueKeysWithValues: table.ways.map {
        ($0.rawValue, table.seconds($0, bytes: bytes, block: block)!)
      })
  }

  package var text: String {
    let ways = seconds.sorted { $0.value < $1.value }
      .map { "\($0.key) \(Quantity.decimal($0.value * 1e6, digits: 1)) µs" }
    return "\(bytes) bytes in blocks of \(block): \(choice) (\(ways.joined(separator: ", ")))"
  }
}

/// How often a table chose well.
package struct TransferScore: Encodable, Sendable {
  let sizes: Int
  let good: Int

  /// A chosen way is good that takes at most this much longer than the best.
  package static let slack = 0.1

  package init(_ table: TransferTable, _ times: [TransferTime]) {
    (sizes, good) = table.score(times, slack: Self.slack)
  }

  package var text: String {
    "\(good) of \(sizes) sizes go a way that takes at most a tenth longer than the fastest"
  }
}

/// Measured transfers, as `ferry plan transfer` reads them.
package enum TransfersFile {
  /// The largest file.
  package static let bytesMax = 16 << 20

  /// - Throws: `.fileUnreadable`; `.linksMalformed` for what is no such file.
  package static func read(_ path: String) throws -> [TransferTime] {
    let remedy = "Name a file that Tools/bench/strided-send.sh wrote; see its TABLE."
    let bytes = try BoundedFile.read(path, bytesMax: bytesMax, remedy: remedy)
    guard
      let times = try? JSONDecoder().decode([TransferTime].self, from: Foundation.Data(bytes))
    else {
      throw CLIError(
        .linksMalformed, what: "these are no measured transfers", place: path, remedy: remedy)
    }
    return times
  }
}
