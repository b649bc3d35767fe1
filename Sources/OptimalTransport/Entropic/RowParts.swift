// SPDX-License-Identifier: Apache-2.0

/// Rows cut into parts that threads share out, and each part into blocks that fit a cache.
///
/// The cut depends on the shape alone, so that sums over parts do not depend on the threads.
struct RowParts: Sendable {
  /// How many parts there are.
  let count: Int
  private let rows: Int
  private let blockRows: Int

  /// Enough that a core which is late leaves the others something to do.
  private static let partsGreatest = 16
  /// Below this many entries a part takes less time than waking a thread.
  private static let partEntries = 1 << 14
  /// 2¹⁸ bytes: a block is read twice, the second time from the cache.
  private static let blockBytes = 1 << 18
  /// Rows of a block at most.
  static let blockRowsGreatest = 64
  /// As many rows as kernels read together.
  static let leanRows = 4

  init(rows: Int, columns: Int, elementBytes: Int = 8) {
    self.rows = rows
    let wanted = max(1, columns) * rows / Self.partEntries
    count = max(1, min(Self.partsGreatest, min(wanted, rows)))
    let fitting = Self.blockBytes / (elementBytes * max(1, columns))
    blockRows = max(Self.leanRows, min(Self.blockRowsGreatest, fitting / 4 * 4))
  }

  /// The rows of a part.
  subscript(part: Int) -> Range<Int> { part * rows / count..<(part + 1) * rows / count }

  /// Calls `body` for each block of a part, in order; blocks are of `rows`, or of what fits.
  func forEachBlock(_ part: Int, rows: Int? = nil, _ body: (Range<Int>) -> Void) {
    let range = self[part]
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(start + (rows ?? blockRows), range.upperBound)
      body(start..<end)
      start = end
    }
  }
}
