// SPDX-License-Identifier: Apache-2.0

/// The part of a convex polygon nearest to each of some points, distances squared and less a weight.
struct PowerCells {
  /// A convex polygon; edge k goes from corner k to the next, along the cell named there (−1: along
  /// the domain's border).
  struct Cell: Sendable {
    var corners: [SIMD2<Double>]
    var beyond: [Int]
  }

  /// Corner of the cell that lies nearer to `site` than to any other.
  static func cell(
    of site: Int, sites: [SIMD2<Double>], weights: [Double], in domain: [SIMD2<Double>]
  ) -> Cell {
    var cell = Cell(corners: domain, beyond: Array(repeating: -1, count: domain.count))
    var next = cell
    let own = sites[site]
    for other in sites.indices where other != site && !cell.corners.isEmpty {
      // Inside: 2⟨x − own, other − own⟩ ≤ |other − own|² − weight + own weight.
      let away = sites[other] - own
      // Of points that coincide one alone has a cell.
      if away == .zero, (weights[other], site) > (weights[site], other) {
        return Cell(corners: [], beyond: [])
      }
      let limit = (away * away).sum() - weights[other] + weights[site]
      var isCut = false
      for corner in cell.corners where 2 * ((corner - own) * away).sum() > limit {
        isCut = true
        break
      }
      guard isCut else { continue }
      next.corners.removeAll(keepingCapacity: true)
      next.beyond.removeAll(keepingCapacity: true)
      let count = cell.corners.count
      for k in 0..<count {
        let from = cell.corners[k]
        let to = cell.corners[(k + 1) % count]
        let before = 2 * ((from - own) * away).sum() - limit
        let after = 2 * ((to - own) * away).sum() - limit
        if before <= 0 {
          next.corners.append(from)
          next.beyond.append(cell.beyond[k])
          if after > 0 {
            next.corners.append(from + (to - from) * (before / (before - after)))
            next.beyond.append(other)
          }
        } else if after <= 0 {
          next.corners.append(from + (to - from) * (before / (before - after)))
          next.beyond.append(cell.beyond[k])
        }
      }
      swap(&cell, &next)
    }
    return cell
  }
}

extension PowerCells.Cell {
  /// Its area, the integral of `|x − site|²` over it, and the length of its border to each cell.
  func measured(about site: SIMD2<Double>) -> (
    area: Double, moment: Double, borders: [(cell: Int, length: Double)]
  ) {
    var area = 0.0
    var moment = 0.0
    var borders: [(cell: Int, length: Double)] = []
    for k in corners.indices {
      let u = corners[k] - site
      let v = corners[(k + 1) % corners.count] - site
      let cross = u.x * v.y - u.y * v.x
      area += cross / 2
      moment += cross / 12 * ((u * u).sum() + (u * v).sum() + (v * v).sum())
      if beyond[k] >= 0 {
        let edge = v - u
        borders.append((beyond[k], (edge * edge).sum().squareRoot()))
      }
    }
    return (area, moment, borders)
  }
}
