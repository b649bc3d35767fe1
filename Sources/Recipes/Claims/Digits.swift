// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A number as a table prints it: three digits that count, or four.
func short(_ value: Double) -> String {
  guard value != 0, value.isFinite else { return value == 0 ? "0" : "\(value)" }
  let size = abs(value)
  let isPlain = size >= 1e-3 && size < 1e5
  return value.formatted(
    isPlain
      ? .number.precision(.significantDigits(1...4)).grouping(.never)
        .locale(Locale(identifier: "en_US_POSIX"))
      : .number.notation(.scientific).precision(.significantDigits(1...3))
        .locale(Locale(identifier: "en_US_POSIX")))
}
