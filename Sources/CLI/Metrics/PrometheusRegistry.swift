// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// The metrics of this process, and their text for Prometheus.
///
/// Names are swift-metrics labels (`ferry.collectives.sent.bytes`); dots and hyphens become
/// underscores, and counters end in `_total`, as Prometheus wants it.
package final class PrometheusRegistry: Sendable {
  package enum Kind: String, Sendable { case counter, gauge, summary }

  private struct Series: Sendable {
    var kind: Kind
    var value = 0.0
    /// Summaries only: how many values made up the sum.
    var count = 0
  }

  private struct Key: Hashable, Comparable {
    let name: String
    let labels: String

    static func < (left: Key, right: Key) -> Bool {
      (left.name, left.labels) < (right.name, right.labels)
    }
  }

  private let series = Mutex<[Key: Series]>([:])

  /// More series than this are not kept, so that a label gone wild costs no memory.
  package static let seriesMax = 4096

  package init() {}

  /// Adds to a counter.
  package func increment(_ name: String, _ labels: [(String, String)], by amount: Double) {
    change(name, labels, .counter) { $0.value += amount }
  }

  /// Sets a gauge, or adds to it.
  package func set(_ name: String, _ labels: [(String, String)], to value: Double) {
    change(name, labels, .gauge) { $0.value = value }
  }

  package func add(_ name: String, _ labels: [(String, String)], _ amount: Double) {
    change(name, labels, .gauge) { $0.value += amount }
  }

  /// Takes a value into a summary's sum and count.
  package func observe(_ name: String, _ labels: [(String, String)], _ value: Double) {
    change(name, labels, .summary) {
      $0.value += value
      $0.count += 1
    }
  }

  /// Back to zero.
  package func reset(_ name: String, _ labels: [(String, String)], _ kind: Kind) {
    change(name, labels, kind) {
      $0.value = 0
      $0.count = 0
    }
  }

  private func change(
    _ name: String, _ labels: [(String, String)], _ kind: Kind,
    _ body: (inout Series) -> Void
  ) {
    let key = Key(name: Self.name(name, kind), labels: Self.labels(labels))
    series.withLock { all in
      if all[key] == nil, all.count >= Self.seriesMax { return }
      body(&all[key, default: Series(kind: kind)])
    }
  }

  /// The exposition text, version 0.0.4: sorted by name, so that equal states give equal texts.
  package var text: String {
    let all = series.withLock { $0 }
    var out = ""
    var last = ""
    for (key, one) in all.sorted(by: { $0.key < $1.key }) {
      if key.name != last {
        out += "# TYPE \(key.name) \(one.kind.rawValue)\n"
        last = key.name
      }
      if one.kind == .summary {
        out += "\(key.name)_sum\(key.labels) \(Self.number(one.value))\n"
        out += "\(key.name)_count\(key.labels) \(one.count)\n"
      } else {
        out += "\(key.name)\(key.labels) \(Self.number(one.value))\n"
      }
    }
    return out
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
    return "\(value)"
  }

  private static func name(_ label: String, _ kind: Kind) -> String {
    var out = ""
    for byte in label.utf8 {
      let isDigit = byte >= 48 && byte <= 57
      let isLetter = (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
      if isDigit && out.isEmpty { out += "_" }
      out += isDigit || isLetter ? String(UnicodeScalar(byte)) : "_"
    }
    return kind == .counter && !out.hasSuffix("_total") ? out + "_total" : out
  }

  private static func labels(_ labels: [(String, String)]) -> String {
    guard !labels.isEmpty else { return "" }
    let parts = labels.sorted { $0.0 < $1.0 }.map { name, value in
      let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        .replacing("\n", with: "\\n")
      return "\(Self.name(name, .gauge))=\"\(escaped)\""
    }
    return "{\(parts.joined(separator: ","))}"
  }
}
