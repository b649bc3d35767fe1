// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Loops over one row of a cost matrix, in f64: what solvers of optimal transport spend their time
/// in.
///
/// Sums run in 16 lanes of a fixed order, so that every machine gives the same bits. Rows of one
/// call have the same count; nothing is allocated.
package enum CostKernels {
  /// What is summed over the coordinates of two points.
  package enum Distance: Int32, Sendable, CaseIterable {
    case squared = 1
    case absolute = 2
    case product = 3
  }

  private static func require(_ counts: Int...) {
    precondition(counts.allSatisfy { $0 == counts[0] }, "rows of \(counts) elements")
  }

  /// `out[j] = exp((f + g[j] − c[j])·rate)`; 0 where that is below exp(−708), at most exp(709).
  package static func gibbsRow(
    _ c: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    into out: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    require(c.count, g.count, out.count)
    let kernel = unsafe build == .best ? ferry_gibbs_row_f64 : ferry_gibbs_row_f64_generic
    unsafe c.withUnsafeBufferPointer { c in
      unsafe g.withUnsafeBufferPointer { g in
        unsafe out.withUnsafeMutableBufferPointer { out in
          // SAFETY: all hold `out.count` elements, and a mutable span overlaps no other.
          unsafe kernel(c.baseAddress, g.baseAddress, f, rate, out.baseAddress, out.count)
        }
      }
    }
  }

  /// The sum of `w[j]·exp((f + g[j] − c[j])·rate)`.
  package static func gibbsSum(
    _ w: Span<Double>, _ c: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    build: KernelBuild = .best
  ) -> Double {
    require(w.count, c.count, g.count)
    let kernel = unsafe build == .best ? ferry_gibbs_sum_f64 : ferry_gibbs_sum_f64_generic
    return unsafe w.withUnsafeBufferPointer { w in
      unsafe c.withUnsafeBufferPointer { c in
        unsafe g.withUnsafeBufferPointer { g in
          // SAFETY: all hold `w.count` elements.
          unsafe kernel(w.baseAddress, c.baseAddress, g.baseAddress, f, rate, w.count)
        }
      }
    }
  }

  /// `sums[j] += w·exp((f + g[j] − c[j])·rate)`.
  package static func gibbsAdd(
    _ w: Double, _ c: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    into sums: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    require(c.count, g.count, sums.count)
    let kernel = unsafe build == .best ? ferry_gibbs_add_f64 : ferry_gibbs_add_f64_generic
    unsafe c.withUnsafeBufferPointer { c in
      unsafe g.withUnsafeBufferPointer { g in
        unsafe sums.withUnsafeMutableBufferPointer { out in
          // SAFETY: all hold `out.count` elements, and a mutable span overlaps no other.
          unsafe kernel(w, c.baseAddress, g.baseAddress, f, rate, out.baseAddress, out.count)
        }
      }
    }
  }

  /// The sum of products.
  package static func dot(
    _ x: Span<Double>, _ y: Span<Double>, build: KernelBuild = .best
  ) -> Double {
    require(x.count, y.count)
    let kernel = unsafe build == .best ? ferry_dot_f64 : ferry_dot_f64_generic
    return unsafe x.withUnsafeBufferPointer { x in
      unsafe y.withUnsafeBufferPointer { y in
        // SAFETY: both hold `x.count` elements.
        unsafe kernel(x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  /// `target[i] += scale·x[i]`.
  package static func accumulate(
    _ x: Span<Double>, scaledBy scale: Double, into target: inout MutableSpan<Double>,
    build: KernelBuild = .best
  ) {
    require(x.count, target.count)
    let kernel = unsafe build == .best ? ferry_axpy_f64 : ferry_axpy_f64_generic
    unsafe x.withUnsafeBufferPointer { x in
      unsafe target.withUnsafeMutableBufferPointer { y in
        // SAFETY: as for `gibbsRow`.
        unsafe kernel(scale, x.baseAddress, y.baseAddress, y.count)
      }
    }
  }

  /// `best[j] = max(best[j], f − c[j])`.
  package static func raise(
    _ best: inout MutableSpan<Double>, to f: Double, minus c: Span<Double>,
    build: KernelBuild = .best
  ) {
    require(c.count, best.count)
    let kernel =
      unsafe build == .best
      ? ferry_max_difference_into_f64 : ferry_max_difference_into_f64_generic
    unsafe c.withUnsafeBufferPointer { c in
      unsafe best.withUnsafeMutableBufferPointer { best in
        // SAFETY: as for `gibbsRow`.
        unsafe kernel(f, c.baseAddress, best.baseAddress, best.count)
      }
    }
  }

  /// From one point `x: [d]` to all of `y`, which holds one coordinate of all points after the
  /// other: `[d, n]`.
  package static func distances(
    _ kind: Distance, from x: Span<Double>, to y: Span<Double>,
    into out: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    precondition(
      x.count * out.count == y.count, "\(out.count) points of \(x.count) in \(y.count) numbers")
    let kernel = unsafe build == .best ? ferry_distance_row_f64 : ferry_distance_row_f64_generic
    let dimensions = x.count
    unsafe x.withUnsafeBufferPointer { x in
      unsafe y.withUnsafeBufferPointer { y in
        unsafe out.withUnsafeMutableBufferPointer { out in
          // SAFETY: `y` holds a coordinate for each of `x` and each of `out` (checked above).
          unsafe kernel(
            kind.rawValue, x.baseAddress, y.baseAddress, dimensions, out.baseAddress, out.count)
        }
      }
    }
  }

  /// The first place of the least `c[j] − v[j]`; nil where none is below infinity.
  package static func least(
    _ c: Span<Double>, minus v: Span<Double>, build: KernelBuild = .best
  ) -> (index: Int, value: Double)? {
    require(c.count, v.count)
    let kernel = unsafe build == .best ? ferry_least_f64 : ferry_least_f64_generic
    var value = 0.0
    let index = unsafe c.withUnsafeBufferPointer { c in
      unsafe v.withUnsafeBufferPointer { v in
        // SAFETY: both hold `c.count` elements, and `value` is one.
        unsafe kernel(c.baseAddress, v.baseAddress, c.count, &value)
      }
    }
    return index == c.count ? nil : (index, value)
  }

  /// The same, and the least of the others: infinity where there is none.
  package static func twoLeast(
    _ c: Span<Double>, minus v: Span<Double>, build: KernelBuild = .best
  ) -> (index: Int, value: Double, next: Double)? {
    require(c.count, v.count)
    let kernel = unsafe build == .best ? ferry_two_least_f64 : ferry_two_least_f64_generic
    var values: (Double, Double) = (0, 0)
    let index = unsafe c.withUnsafeBufferPointer { c in
      unsafe v.withUnsafeBufferPointer { v in
        unsafe withUnsafeMutableBytes(of: &values) { bytes in
          // SAFETY: both rows hold `c.count` elements, and `values` is two.
          unsafe kernel(
            c.baseAddress, v.baseAddress, c.count,
            bytes.baseAddress!.assumingMemoryBound(to: Double.self))
        }
      }
    }
    return index == c.count ? nil : (index, values.0, values.1)
  }

  /// One step of Dijkstra's search: `distance[j]` falls to `c[j] − v[j] + base`, and `from[j]`
  /// becomes `row`, where that is nearer; gives the nearest column above −infinity (settled ones
  /// are there), nil where none is below infinity.
  package static func relax(
    _ c: Span<Double>, minus v: Span<Double>, plus base: Double, row: Int,
    distance: inout MutableSpan<Double>, from: inout MutableSpan<Int64>,
    build: KernelBuild = .best
  ) -> (index: Int, value: Double)? {
    require(c.count, v.count, distance.count, from.count)
    let kernel = unsafe build == .best ? ferry_relax_f64 : ferry_relax_f64_generic
    var value = 0.0
    let index = unsafe c.withUnsafeBufferPointer { c in
      unsafe v.withUnsafeBufferPointer { v in
        unsafe distance.withUnsafeMutableBufferPointer { distance in
          unsafe from.withUnsafeMutableBufferPointer { from in
            // SAFETY: all hold `c.count` elements, mutable spans overlap no other, `value` is one.
            unsafe kernel(
              c.baseAddress, v.baseAddress, base, Int64(row), distance.baseAddress,
              from.baseAddress, c.count, &value)
          }
        }
      }
    }
    return index == c.count ? nil : (index, value)
  }
}
