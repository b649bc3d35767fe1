// SPDX-License-Identifier: Apache-2.0

/// The order of numbers from least to greatest, equal ones as they stand: an LSD radix sort of
/// order-preserving 64-bit keys, 6 digits of 11 bits; O(n) time and memory.
///
/// Digits that all keys share are skipped.
package func ascendingOrder(of values: [Double]) -> [Int32] {
  let n = values.count
  let digits = 6
  let buckets = 1 << 11
  // Negative numbers turn over, so that unsigned order is the order of numbers; both zeros equal.
  var keys = values.map { value -> UInt64 in
    let bits = (value + 0).bitPattern
    return bits >> 63 == 1 ? ~bits : bits | 1 << 63
  }
  var counts = [Int32](repeating: 0, count: digits * buckets)
  do {
    var counts = counts.mutableSpan
    for key in keys {
      for digit in 0..<digits {
        counts[digit * buckets + Int((key >> UInt64(11 * digit)) & 2047)] += 1
      }
    }
  }
  var order = (0..<Int32(n)).map { $0 }
  var otherKeys = keys
  var otherOrder = order
  for digit in 0..<digits {
    let range = digit * buckets..<(digit + 1) * buckets
    if counts[range].contains(Int32(n)) { continue }
    var sum: Int32 = 0
    for bucket in range {
      let count = counts[bucket]
      counts[bucket] = sum
      sum += count
    }
    do {
      let from = keys.span
      let places = order.span
      var to = otherKeys.mutableSpan
      var toPlaces = otherOrder.mutableSpan
      var next = counts.mutableSpan
      for k in 0..<n {
        let key = from[k]
        let bucket = digit * buckets + Int((key >> UInt64(11 * digit)) & 2047)
        let at = Int(next[bucket])
        next[bucket] += 1
        to[at] = key
        toPlaces[at] = places[k]
      }
    }
    swap(&keys, &otherKeys)
    swap(&order, &otherOrder)
  }
  return order
}
