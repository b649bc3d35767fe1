// SPDX-License-Identifier: Apache-2.0

extension RingOrder {
  /// How long a ring all-reduce in this order should take over links that differ:
  /// `2 (N − 1) · max over edges of (α + S/N / B)`, as if every step waited for the slowest edge.
  ///
  /// With equal edges it is the formula of `AllReduceCost.ring`. A ring that works in smaller pieces
  /// overlaps steps and can be faster where one edge has the latency and another the narrow pipe.
  /// - Parameter bytes: of the vector, 0 to `AllReduceCost.bytesMax`.
  public func allReduceTime(bytes: Int, on matrix: PairMatrix) -> Duration {
    precondition((0...AllReduceCost.bytesMax) ~= bytes, "\(bytes) bytes")
    precondition(
      members.count == matrix.count, "\(members.count) members, \(matrix.count) measured")
    guard members.count > 1 else { return .zero }
    let share = Double(bytes) / Double(members.count)
    var step = Duration.zero
    for at in members.indices {
      guard let link = matrix[members[at], members[(at + 1) % members.count]] else {
        preconditionFailure("a ring over a link that was not measured")
      }
      step = max(step, link.latency + .seconds(share / link.bytesPerSecond))
    }
    return step * (2 * (members.count - 1))
  }
}
