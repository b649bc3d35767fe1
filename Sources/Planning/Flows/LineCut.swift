// SPDX-License-Identifier: Apache-2.0

/// A group's flows laid end to end on a line, cut where one path's share ends and the next begins.
///
/// Every path carries exactly its share, and no way to do that makes fewer pieces when sizes are
/// equal and shares too: flows and paths, with a piece as the edge between them, fall into parts that
/// are balanced in themselves; a part of `a` flows and `b` paths needs `a/b = n/s`, so there are at
/// most `g = gcd(n, s)` of them, and a graph of `n + s` nodes in `g` parts has at least `n + s − g`
/// edges. The line reaches that: of its `s − 1` cuts, `g − 1` fall between two flows. Of each path's
/// `n/s`, `⌊n/s⌋` is worth of whole flows.
///
/// Ethereal (arXiv 2407.00550) cuts each of the `r = n mod s` flows left over into `s/g`, which makes
/// `n − r + rs/g` pieces: `paper(flows:paths:)`.
public enum LineCut {
  /// A run of one flow on one path.
  public struct Piece: Sendable, Equatable {
    /// The flow, from 0, in the order of the group.
    public let flow: Int
    /// The path, from 0, in the order of the shares.
    public let path: Int
    /// Which part of the flow, above 0, at most 1.
    public let part: Double
  }

  /// Parts of a line that are shorter than this part of the whole are nobody's: they come from
  /// rounding, and cutting them off would make a flow of a few bits.
  private static let sliver = 1e-12

  /// Equal flows over equal paths: `n + s − gcd(n, s)` pieces, exact in integers.
  public static func equal(flows n: Int, paths s: Int) -> [Piece] {
    precondition(n >= 0 && s >= 1, "\(n) flows over \(s) paths")
    // In units of 1/s of a flow: a flow is s long, a path's share n.
    var pieces: [Piece] = []
    pieces.reserveCapacity(n + s)
    var at = 0
    while at < n * s {
      let (flow, path) = (at / s, at / n)
      let end = min((flow + 1) * s, (path + 1) * n)
      pieces.append(Piece(flow: flow, path: path, part: Double(end - at) / Double(s)))
      at = end
    }
    return pieces
  }

  /// Flows of any sizes over paths with any shares: at most `n + s − 1` pieces.
  ///
  /// - Parameters:
  ///   - sizes: above 0.
  ///   - shares: at least 0, in sum 1; a path whose share is 0 gets nothing.
  public static func weighted(sizes: [Double], shares: [Double]) -> [Piece] {
    let total = sizes.reduce(0, +)
    let used = shares.indices.filter { shares[$0] > 0 }
    guard !sizes.isEmpty, let last = used.last else { return [] }
    let tolerance = total * sliver
    var pieces: [Piece] = []
    var turn = 0
    var (flowStart, cut) = (0.0, total * shares[used[0]])
    for (flow, size) in sizes.enumerated() {
      let flowEnd = flowStart + size
      var at = flowStart
      while used[turn] != last, cut < flowEnd - tolerance {
        if cut > at + tolerance {
          pieces.append(Piece(flow: flow, path: used[turn], part: (cut - at) / size))
          at = cut
        }
        turn += 1
        cut += total * shares[used[turn]]
      }
      pieces.append(Piece(flow: flow, path: used[turn], part: (flowEnd - at) / size))
      flowStart = flowEnd
    }
    return pieces
  }

  /// The paper's rule for equal flows over equal paths: whole flows to each path in turn, and each of
  /// the `r = n mod s` left over cut into `s / gcd(r, s)`.
  public static func paper(flows n: Int, paths s: Int) -> [Piece] {
    precondition(n >= 0 && s >= 1, "\(n) flows over \(s) paths")
    let r = n % s
    var pieces = (0..<n - r).map { Piece(flow: $0, path: $0 % s, part: 1) }
    guard r > 0 else { return pieces }
    let cuts = s / gcd(r, s)
    for piece in 0..<r * cuts {
      pieces.append(
        Piece(flow: n - r + piece / cuts, path: piece % s, part: 1 / Double(cuts)))
    }
    return pieces
  }

  /// The greatest common divisor; `gcd(0, s) = s`.
  static func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }
}
