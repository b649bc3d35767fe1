// SPDX-License-Identifier: Apache-2.0

package import FerryOptimalTransport
import Foundation

/// What `ferry ot solve` prints: the cost and what proves it.
package struct TransportReport: Codable, Equatable, Sendable {
  package let method: String
  package let sources: Int
  package let targets: Int
  package let dimensions: Int
  /// `⟨C, P⟩`.
  package let cost: Double
  /// ε in the unit of cost; nil without entropy.
  package let epsilon: Double?
  package let primal: Double
  package let dual: Double
  package let gap: Double
  package let relativeGap: Double
  package let rowError: Double
  package let columnError: Double
  package let mass: Double
  package let iterations: Int
  package let seconds: Double
  package let isConverged: Bool
  /// Files that were written.
  package var written: [String] = []

  package init(
    _ solution: TransportSolution, method: TransportMethod, dimensions: Int, seconds: Double
  ) {
    self.method = method.name
    sources = solution.coupling.rowCount
    targets = solution.coupling.columnCount
    self.dimensions = dimensions
    cost = solution.transportCost
    if case .implicit(let coupling) = solution.coupling {
      epsilon = coupling.epsilon
    } else {
      epsilon = nil
    }
    let proof = solution.certificate
    primal = proof.primal
    dual = proof.dual
    gap = proof.gap
    relativeGap = proof.relativeGap
    rowError = proof.rowError
    columnError = proof.columnError
    mass = proof.mass
    iterations = solution.iterations
    self.seconds = seconds
    isConverged = solution.isConverged
  }

  package var text: String {
    var lines = [
      ("moved", "\(Self.short(mass)) of mass, \(sources) points to \(targets), \(dimensions)-D"),
      ("cost", "\(cost)"),
    ]
    if let epsilon {
      lines.append(("epsilon", Self.short(epsilon)))
      lines.append(("with entropy", "\(primal)"))
    }
    lines += [
      ("at least", "\(dual)"),
      ("gap", "\(Self.short(gap)) (\(Self.short(relativeGap)) of the cost)"),
      ("marginal error", "rows \(Self.short(rowError)), columns \(Self.short(columnError))"),
      ("solved", "\(method), \(iterations) iterations, \(Quantity.seconds(seconds))"),
    ]
    lines += written.map { ("wrote", $0) }
    return lines.map { line in
      line.0 + String(repeating: " ", count: 16 - line.0.count) + line.1 + "\n"
    }.joined()
  }

  /// Three digits, for what is read as an order of magnitude.
  package static func short(_ value: Double) -> String {
    guard value != 0, value.isFinite else { return value == 0 ? "0" : "\(value)" }
    let size = abs(value)
    if size >= 1e-3, size < 1e6 {
      let digits = size >= 100 ? 1 : size >= 1 ? 3 : 5
      return Quantity.decimal(value, digits: digits)
    }
    return value.formatted(
      .number.notation(.scientific).precision(.significantDigits(1...3))
        .locale(Locale(identifier: "en_US_POSIX")))
  }
}
