// SPDX-License-Identifier: Apache-2.0

/// The best ring of all, over sets of members: Held and Karp 1962, first for the bottleneck, then for
/// the sum among edges that are no slower.
enum ExactRing {
  /// The best order, beginning with member 0; of equals always the same one. Nil if there is no ring.
  ///
  /// - Complexity: O(2ⁿ n²) time, O(2ⁿ n) memory.
  static func order(on matrix: PairMatrix) -> [Int]? {
    let floor = bestSlowest(matrix)
    return floor > 0 ? fastest(matrix, floor: floor) : nil
  }

  /// The slowest edge of the ring whose slowest edge is fastest; 0 without a ring.
  private static func bestSlowest(_ matrix: PairMatrix) -> Double {
    // Member n − 1 is the start; sets are of the others. `best[set][last]` is the fastest slowest
    // edge of a path from the start through `set`, ending at `last`.
    let others = matrix.count - 1
    let start = others
    var best = [Double](repeating: 0, count: (1 << others) * others)
    for first in 0..<others { best[(1 << first) * others + first] = matrix.speed(start, first) }
    for set in 1..<(1 << others) {
      for last in 0..<others where best[set * others + last] > 0 {
        let sofar = best[set * others + last]
        for next in 0..<others where set >> next & 1 == 0 {
          let slot = (set | 1 << next) * others + next
          best[slot] = max(best[slot], min(sofar, matrix.speed(last, next)))
        }
      }
    }
    let all = (1 << others) - 1
    return (0..<others).reduce(0) {
      max($0, min(best[all * others + $1], matrix.speed($1, start)))
    }
  }

  /// The ring of least latency whose edges are all at least `floor`.
  private static func fastest(_ matrix: PairMatrix, floor: Double) -> [Int]? {
    let others = matrix.count - 1
    let start = others
    let never = Int.max
    var least = [Int](repeating: never, count: (1 << others) * others)
    var before = [Int8](repeating: -1, count: least.count)
    for first in 0..<others where matrix.speed(start, first) >= floor {
      least[(1 << first) * others + first] = matrix.nanoseconds(start, first)
    }
    for set in 1..<(1 << others) {
      for last in 0..<others where least[set * others + last] < never {
        let sofar = least[set * others + last]
        for next in 0..<others
        where set >> next & 1 == 0 && matrix.speed(last, next) >= floor {
          let slot = (set | 1 << next) * others + next
          let sum = sofar + matrix.nanoseconds(last, next)
          if sum < least[slot] {
            least[slot] = sum
            before[slot] = Int8(last)
          }
        }
      }
    }
    var set = (1 << others) - 1
    var end: (last: Int, sum: Int)?
    for last in 0..<others
    where least[set * others + last] < never && matrix.speed(last, start) >= floor {
      let sum = least[set * others + last] + matrix.nanoseconds(last, start)
      if sum < end?.sum ?? never { end = (last, sum) }
    }
    guard var last = end?.last else { return nil }
    var reversed = [start]
    while true {
      reversed.append(last)
      let previous = Int(before[set * others + last])
      set &= ~(1 << last)
      guard previous >= 0 else { break }
      last = previous
    }
    return AnnealedRing.fromZero(Array(reversed.reversed()))
  }
}
