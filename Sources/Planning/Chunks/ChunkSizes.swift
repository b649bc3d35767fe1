// SPDX-License-Identifier: Apache-2.0

/// How much of a vector each path or member takes, in proportion to how fast it is.
public enum ChunkSizes {
  /// The most chunks.
  public static let chunksMax = 1 << 16
  /// The longest vector, in elements: what a `Double` counts exactly.
  public static let elementsMax = 1 << 52

  /// Shares `total` out by the largest remainder (Hamilton): each chunk is its exact share, rounded up
  /// or down, and all together are `total`; of equal remainders the first is rounded up.
  ///
  /// - Parameters:
  ///   - total: elements, 0 to `elementsMax`.
  ///   - weights: speeds, in any unit: at least 0, finite, at least one above 0; 1 to `chunksMax` of
  ///     them. A weight of 0 gets nothing.
  ///   - granule: chunks are whole granules of so many elements, but for the last that gets any;
  ///     at least 1.
  /// - Returns: one size for each weight, in sum `total`.
  /// - Throws: `.badWeights`.
  public static func weighted(
    total: Int, weights: [Double], granule: Int = 1
  ) throws(PlanningError) -> [Int] {
    precondition((0...elementsMax) ~= total && granule >= 1, "\(total) elements by \(granule)")
    guard (1...chunksMax) ~= weights.count, weights.allSatisfy({ $0 >= 0 && $0.isFinite }),
      let largest = weights.max(), largest > 0
    else {
      throw PlanningError(
        .badWeights, "weights that share nothing out", at: "\(weights.count) weights",
        remedy: "Give 1 to \(chunksMax), none negative, at least one above 0.")
    }
    // Over the largest, so that the sum stays finite.
    let scaled = weights.map { $0 / largest }
    let sum = scaled.reduce(0, +)
    let granules = (total + granule - 1) / granule
    var sizes: [Int] = []
    var remainders: [(part: Double, index: Int)] = []
    for (index, weight) in scaled.enumerated() {
      let share = Double(granules) * (weight / sum)
      let whole = min(Int(share), granules)
      sizes.append(whole)
      if weight > 0 { remainders.append((share - Double(whole), index)) }
    }
    remainders.sort { ($1.part, $0.index) < ($0.part, $1.index) }
    var left = granules - sizes.reduce(0, +)
    var turn = 0
    while left > 0 {
      sizes[remainders[turn % remainders.count].index] += 1
      left -= 1
      turn += 1
    }
    // Rounding of shares near 2⁵² can give one away too many; the last in line gives it back.
    while left < 0 {
      let index = remainders.last { sizes[$0.index] > 0 }!.index
      sizes[index] -= 1
      left += 1
    }
    sizes = sizes.map { $0 * granule }
    if let last = sizes.lastIndex(where: { $0 > 0 }) { sizes[last] -= granules * granule - total }
    return sizes
  }

  /// Where each chunk lies in the vector, from sizes in order.
  public static func ranges(_ sizes: [Int]) -> [Range<Int>] {
    var start = 0
    return sizes.map { size in
      defer { start += size }
      return start..<start + size
    }
  }
}
