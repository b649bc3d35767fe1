// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Eigenvalues and -vectors of a symmetric matrix: Householder's reduction to three diagonals, then
/// QL steps with implicit shifts (Golub and Van Loan, 4th edition, sections 8.3.1 and 8.3.5).
///
/// O(d³). Values are right to rounding of the greatest.
struct SymmetricEigen {
  let dimensions: Int
  /// In no order.
  private(set) var values: [Double]
  /// `[d, d]`: row k is the vector of value k.
  private(set) var vectors: [Double]

  /// Of `matrix: [d, d]`, of which the mean with its transpose is taken.
  init(_ matrix: [Double], dimensions d: Int) throws(TransportError) {
    dimensions = d
    var a = matrix
    for i in 0..<d {
      for j in 0..<i {
        let mean = (matrix[i * d + j] + matrix[j * d + i]) / 2
        a[i * d + j] = mean
        a[j * d + i] = mean
      }
    }
    // Scaled, so that no square overflows or vanishes.
    let greatest = a.reduce(0) { max($0, abs($1)) }
    let scale = greatest == 0 ? 1 : greatest
    for k in a.indices { a[k] /= scale }
    var basis = [Double](repeating: 0, count: d * d)
    for k in 0..<d { basis[k * d + k] = 1 }
    var off = [Double](repeating: 0, count: d)
    Self.tridiagonalize(&a, d, &basis, &off)
    var diagonal = (0..<d).map { a[$0 * d + $0] }
    try Self.iterate(&diagonal, &off, &basis, d)
    values = diagonal.map { $0 * scale }
    vectors = basis
  }

  /// Reflections from both sides; `basis` gathers them, row k the image of axis k.
  private static func tridiagonalize(
    _ a: inout [Double], _ d: Int, _ basis: inout [Double], _ off: inout [Double]
  ) {
    guard d > 1 else { return }
    var reflectors: [(start: Int, vector: [Double])] = []
    var p = [Double](repeating: 0, count: d)
    for k in 0..<d - 1 {
      // Column k below the diagonal becomes a multiple of its first axis.
      var w = (k + 1..<d).map { a[$0 * d + k] }
      let length = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let tail = w.dropFirst().reduce(0) { $0 + $1 * $1 }
      guard length > 0, tail > 0 else {
        off[k] = w[0]
        continue
      }
      let alpha = w[0] > 0 ? -length : length
      off[k] = alpha
      w[0] -= alpha
      let norm = (2 * (length * length - alpha * (w[0] + alpha))).squareRoot()
      for t in w.indices { w[t] /= norm }
      // A ← A − 2 w qᵀ − 2 q wᵀ with q = A w − (wᵀ A w) w.
      let first = k + 1
      var inner = 0.0
      for i in first..<d {
        var sum = 0.0
        for j in first..<d { sum += a[i * d + j] * w[j - first] }
        p[i] = sum
        inner += sum * w[i - first]
      }
      for i in first..<d { p[i] -= inner * w[i - first] }
      for i in first..<d {
        let wi = 2 * w[i - first]
        let pi = 2 * p[i]
        for j in first..<d { a[i * d + j] -= wi * p[j] + pi * w[j - first] }
      }
      reflectors.append((first, w))
    }
    // The basis is the product of all reflections, from the last to the first.
    for (first, w) in reflectors.reversed() {
      for i in 0..<d {
        var sum = 0.0
        for j in w.indices { sum += basis[i * d + first + j] * w[j] }
        sum *= 2
        for j in w.indices { basis[i * d + first + j] -= sum * w[j] }
      }
    }
  }

  /// Rotations until all off the diagonal is rounding.
  private static func iterate(
    _ diagonal: inout [Double], _ off: inout [Double], _ basis: inout [Double], _ d: Int
  ) throws(TransportError) {
    for low in 0..<d {
      var turns = 0
      while true {
        var end = low
        // The greatest entry is 1. Where the matrix has many zeros for eigenvalues, rounding of that
        // size comes back at each turn: after some it counts as 0.
        let least = turns < 20 ? 1e-300 : 1.1e-16
        while end < d - 1 {
          let around = abs(diagonal[end]) + abs(diagonal[end + 1])
          if abs(off[end]) <= 1.1e-16 * around || abs(off[end]) < least { break }
          end += 1
        }
        if end == low { break }
        turns += 1
        guard turns <= 60 else {
          throw TransportError(
            .notConverged, "an eigenvalue is not found after 60 turns", at: "symmetric matrix",
            remedy: "Look for entries that are not finite.")
        }
        rotate(from: low, to: end, &diagonal, &off, &basis, d)
      }
    }
  }

  /// One QL step on the block from `low` to `end`, its shift by Wilkinson.
  private static func rotate(
    from low: Int, to end: Int, _ diagonal: inout [Double], _ off: inout [Double],
    _ basis: inout [Double], _ d: Int
  ) {
    let half = (diagonal[low + 1] - diagonal[low]) / (2 * off[low])
    let root = (half * half + 1).squareRoot()
    var g =
      diagonal[end] - diagonal[low] + off[low] / (half + (half < 0 ? -root : root))
    var s = 1.0
    var c = 1.0
    var shift = 0.0
    var i = end - 1
    while i >= low {
      let f = s * off[i]
      let b = c * off[i]
      let r = (f * f + g * g).squareRoot()
      off[i + 1] = r
      if r == 0 {
        diagonal[i + 1] -= shift
        off[end] = 0
        return
      }
      s = f / r
      c = g / r
      let before = diagonal[i + 1] - shift
      let t = (diagonal[i] - before) * s + 2 * c * b
      shift = s * t
      diagonal[i + 1] = before + shift
      g = c * t - b
      for k in 0..<d {
        let upper = basis[(i + 1) * d + k]
        let lower = basis[i * d + k]
        basis[(i + 1) * d + k] = s * lower + c * upper
        basis[i * d + k] = c * lower - s * upper
      }
      i -= 1
    }
    diagonal[low] -= shift
    off[low] = g
    off[end] = 0
  }

  /// The matrix with a function applied to its eigenvalues, `[d, d]`.
  func applying(_ function: (Double) -> Double) -> [Double] {
    let d = dimensions
    var weighted = vectors
    for k in 0..<d {
      let value = function(values[k])
      for i in 0..<d { weighted[k * d + i] *= value }
    }
    return matrixProduct(transposed(vectors, rows: d), weighted, inner: d)
  }
}
