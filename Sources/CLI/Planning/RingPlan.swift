// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import FerryPlanning

/// What `ferry plan ring` found: the order, and what it is worth.
package struct RingPlan: Codable, Equatable, Sendable {
  /// One order's figures.
  package struct Figures: Codable, Equatable, Sendable {
    package let order: [String]
    /// Of the slowest link; nil for one peer, who has none.
    package let slowestMegabits: Double?
    /// All round.
    package let latencyMilliseconds: Double
    /// Of a ring all-reduce.
    package let allReduceSeconds: Double
  }

  /// The order found, from the first peer of the file on.
  package let order: [String]
  /// `exact`, `annealed` or `listed`.
  package let method: String
  /// Of the vector that is timed.
  package let bytes: Int
  /// The order of the file; nil if it needs a link that is not there.
  package let before: Figures?
  package let after: Figures

  package init(_ file: LinksFile, bytes: Int, seed: Seed) throws {
    func figures(_ order: RingOrder) -> Figures {
      Figures(
        order: order.members.map { file.names[$0] },
        slowestMegabits: order.slowest.isFinite ? order.slowest / 125_000 : nil,
        latencyMilliseconds: order.latency / .milliseconds(1),
        allReduceSeconds: order.allReduceTime(bytes: bytes, on: file.matrix) / .seconds(1))
    }
    let best = try RingOrder.best(on: file.matrix, seed: seed)
    let listed = try? RingOrder(Array(0..<file.matrix.count), on: file.matrix)
    after = figures(best)
    before = listed.map(figures)
    order = after.order
    method = best.method.rawValue
    self.bytes = bytes
  }

  package var text: String {
    func line(_ name: String, _ figures: Figures) -> String {
      let slowest = figures.slowestMegabits.map { Quantity.count($0 * 1e6) + "bit/s" } ?? "–"
      let latency = Quantity.seconds(figures.latencyMilliseconds / 1000)
      let time = Quantity.seconds(figures.allReduceSeconds)
      return """
        \(name)  \(figures.order.joined(separator: " → "))
                slowest link \(slowest), latency all round \(latency), \
        \(Quantity.bytes(bytes)) in \(time)

        """
    }
    let found =
      switch method {
      case RingOrder.Method.exact.rawValue: "the best of all orders"
      case RingOrder.Method.annealed.rawValue: "the best order that a search found"
      default: "the order of the file: no other is better"
      }
    let first = before.map { line("listed", $0) } ?? "listed  needs a link that is not there\n"
    return first + line("found ", after) + "        \(found)\n"
  }
}
