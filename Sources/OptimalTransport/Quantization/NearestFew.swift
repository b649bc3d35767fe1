// SPDX-License-Identifier: Apache-2.0

/// The nearest of the points that were offered, at most so many, of equal ones the first place.
struct NearestFew {
  private let wanted: Int
  private var nearest: [ProductQuantizer.Found] = []
  private var count = 0
  private var hasFinite = false

  init(_ wanted: Int) {
    self.wanted = max(0, wanted)
    nearest.reserveCapacity(min(self.wanted, 1024) + 1)
  }

  @inline(__always)
  mutating func offer(_ one: ProductQuantizer.Found) {
    count += 1
    hasFinite = hasFinite || one.distance.isFinite
    if nearest.count == wanted {
      guard let last = nearest.last, one.isBefore(last) else { return }
      nearest.removeLast()
    }
    // Few points get here once near ones are known, so that the list is hardly ever moved.
    let at = nearest.firstIndex { one.isBefore($0) } ?? nearest.count
    nearest.insert(one, at: at)
  }

  /// The nearest first.
  ///
  /// - Throws: `.badCost` where points were offered, and none at a finite distance.
  func found() throws(TransportError) -> [ProductQuantizer.Found] {
    guard count == 0 || hasFinite else {
      throw TransportError(
        .badCost, "no distance is finite", at: "query", remedy: "Scale the points down.")
    }
    return nearest
  }
}

extension ProductQuantizer.Found {
  /// Nearer, or as near and earlier; what is no number is farther than all that are.
  fileprivate func isBefore(_ other: Self) -> Bool {
    if distance < other.distance { return true }
    if distance == other.distance { return index < other.index }
    return other.distance.isNaN && !distance.isNaN
  }
}
