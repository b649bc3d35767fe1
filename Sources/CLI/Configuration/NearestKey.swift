// SPDX-License-Identifier: Apache-2.0

/// How many letters must be inserted, removed, replaced or swapped with their neighbor to turn one
/// word into another.
///
/// - Complexity: O(nm) for words of n and m letters.
/// - Note: The restricted Damerau-Levenshtein distance: `bacth` is one slip from `batch`.
package func editDistance(_ left: String, _ right: String) -> Int {
  let (a, b) = (Array(left.utf8), Array(right.utf8))
  var beforeLast: [Int] = []
  var last = Array(0...b.count)
  for i in a.indices {
    var row = [i + 1] + Array(repeating: 0, count: b.count)
    for j in b.indices {
      row[j + 1] = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1)
      }
    }
    (beforeLast, last) = (last, row)
  }
  return last[b.count]
}

/// The name that was probably meant: at most a third of its letters away, and the first of equals.
package func nearest(to word: String, among names: [String]) -> String? {
  // A word longer than any key is no slip of the pen, and would cost time to compare.
  guard word.utf8.count <= nearestWordBytesMax else { return nil }
  let wanted = word.lowercased()
  let best = names.map { (name: $0, distance: editDistance(wanted, $0)) }
    .min { $0.distance < $1.distance }
  guard let best, best.distance <= max(2, best.name.utf8.count / 3) else { return nil }
  return best.name
}

/// Longer words are not compared.
package let nearestWordBytesMax = 64
