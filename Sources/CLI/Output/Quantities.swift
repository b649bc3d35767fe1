// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Numbers with units, short enough for a table and a chart.
package enum Quantity {
  /// `1.4 MB`: powers of 1000, as links are sold.
  package static func bytes(_ count: Int) -> String {
    scaled(Double(count), units: ["B", "kB", "MB", "GB", "TB", "PB"])
  }

  /// What `65536`, `64k` or `64KiB`, `1m` or `1MiB`, `1g` or `1GiB` say: powers of 1024, as vectors
  /// are cut. Nil for what says nothing of the kind, or more than 64 bits hold.
  package static func byteCount(of text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let shift: Int? =
      switch text.dropFirst(digits.count).lowercased() {
      case "": 0
      case "k", "kib": 10
      case "m", "mib": 20
      case "g", "gib": 30
      default: nil
      }
    guard let count = Int(digits), let shift else { return nil }
    let (bytes, isTooLarge) = count.multipliedReportingOverflow(by: 1 << shift)
    return isTooLarge ? nil : bytes
  }

  /// `12.3 k`: for tokens, parameters, tokens a second.
  package static func count(_ count: Double) -> String {
    scaled(count, units: ["", "k", "M", "G", "T"]).trimmingCharacters(in: .whitespaces)
  }

  /// A round number on an axis, without zeros that say nothing: `0`, `500`, `2.5 M`.
  package static func tick(_ value: Double) -> String {
    guard value != 0 else { return "0 " }
    var text = scaled(value, units: ["", "k", "M", "G", "T", "P"])
    if let point = text.firstIndex(of: "."), let space = text.firstIndex(of: " ") {
      var digits = text[point..<space]
      while digits.last == "0" || digits.last == "." { digits.removeLast() }
      text.replaceSubrange(point..<space, with: digits)
    }
    return text
  }

  private static func scaled(_ value: Double, units: [String]) -> String {
    guard value.isFinite else { return "–" }
    var value = value
    var index = 0
    while abs(value) >= 999.5, index + 1 < units.count {
      value /= 1000
      index += 1
    }
    let digits = index == 0 || abs(value) >= 99.95 ? 0 : abs(value) >= 9.995 ? 1 : 2
    return "\(decimal(value, digits: index == 0 ? wholeOr1(value) : digits)) \(units[index])"
  }

  private static func wholeOr1(_ value: Double) -> Int { value == value.rounded() ? 0 : 1 }

  /// `3.14` with that many digits after the point; `–` for what is no number.
  package static func decimal(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return "–" }
    return value.formatted(
      .number.precision(.fractionLength(digits)).grouping(.never)
        .locale(Locale(identifier: "en_US_POSIX")))
  }

  /// `45 ms`, `3.2 s`, `4 min 05 s`, `2 h 10 min`.
  package static func seconds(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
    if seconds < 0.9995 {
      return "\(decimal(seconds * 1000, digits: seconds < 0.00995 ? 1 : 0)) ms"
    }
    if seconds < 59.95 { return "\(decimal(seconds, digits: seconds < 9.995 ? 2 : 1)) s" }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
    return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  /// `214×`, `9.6×`.
  package static func ratio(_ value: Double) -> String {
    "\(decimal(value, digits: value >= 99.5 ? 0 : 1))×"
  }
}
