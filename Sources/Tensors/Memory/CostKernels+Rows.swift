// SPDX-License-Identifier: Apache-2.0

import CKernels

/// An element that a kernel's matrix may be held in; sums are in f64 for each.
package protocol KernelElement: BitwiseCopyable, Sendable {
  /// `out[j] = exp((f + g[j] − c[j])·rate)` in this element.
  static func gibbsRow(
    _ c: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    into out: inout MutableSpan<Self>, build: KernelBuild)
  /// `out[j] = exp((f + g[j] − ‖x − y_j‖²)·rate)` for points `y: [d, m]`, one coordinate after the
  /// other, of 1 to 3 dimensions.
  static func gibbsSquares(
    from x: Span<Double>, to y: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    into out: inout MutableSpan<Self>, build: KernelBuild)
  /// `out[i] = Σ_j x[i, j] w[j]` over rows that lie one after the other.
  static func dotRows(
    _ x: Span<Self>, _ w: Span<Double>, into out: inout MutableSpan<Double>, build: KernelBuild)
  /// `sums[j] += Σ_i scales[i] x[i, j]`.
  static func addRows(
    _ x: Span<Self>, scaledBy scales: Span<Double>, into sums: inout MutableSpan<Double>,
    build: KernelBuild)
}

extension Float: KernelElement {
  package static func gibbsRow(
    _ c: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    into out: inout MutableSpan<Float>, build: KernelBuild = .best
  ) {
    precondition(c.count == g.count && c.count == out.count, "rows of different counts")
    let kernel = unsafe build == .best ? ferry_gibbs_row_f32 : ferry_gibbs_row_f32_generic
    unsafe c.withUnsafeBufferPointer { c in
      unsafe g.withUnsafeBufferPointer { g in
        unsafe out.withUnsafeMutableBufferPointer { out in
          // SAFETY: all hold `out.count` elements, and a mutable span overlaps no other.
          unsafe kernel(c.baseAddress, g.baseAddress, f, rate, out.baseAddress, out.count)
        }
      }
    }
  }

  package static func dotRows(
    _ x: Span<Float>, _ w: Span<Double>, into out: inout MutableSpan<Double>,
    build: KernelBuild = .best
  ) {
    precondition(x.count == w.count * out.count, "\(x.count) elements of \(out.count) rows")
    let kernel = unsafe build == .best ? ferry_rows_dot_f32 : ferry_rows_dot_f32_generic
    unsafe x.withUnsafeBufferPointer { x in
      unsafe w.withUnsafeBufferPointer { w in
        unsafe out.withUnsafeMutableBufferPointer { out in
          // SAFETY: `x` holds a row of `w.count` for each of `out` (checked above).
          unsafe kernel(
            x.baseAddress, out.count, w.count, w.baseAddress, out.baseAddress, w.count)
        }
      }
    }
  }

  package static func addRows(
    _ x: Span<Float>, scaledBy scales: Span<Double>, into sums: inout MutableSpan<Double>,
    build: KernelBuild = .best
  ) {
    precondition(x.count == sums.count * scales.count, "\(x.count) of \(scales.count) rows")
    let kernel = unsafe build == .best ? ferry_rows_add_f32 : ferry_rows_add_f32_generic
    unsafe x.withUnsafeBufferPointer { x in
      unsafe scales.withUnsafeBufferPointer { scales in
        unsafe sums.withUnsafeMutableBufferPointer { sums in
          // SAFETY: as for `dotRows`.
          unsafe kernel(
            x.baseAddress, scales.count, sums.count, scales.baseAddress, sums.baseAddress,
            sums.count)
        }
      }
    }
  }

  package static func gibbsSquares(
    from x: Span<Double>, to y: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    into out: inout MutableSpan<Float>, build: KernelBuild = .best
  ) {
    precondition(
      (1...3).contains(x.count) && y.count == x.count * g.count && g.count == out.count,
      "\(y.count) numbers for \(out.count) points of \(x.count) dimensions")
    let kernel = unsafe build == .best ? ferry_gibbs_squares_f32 : ferry_gibbs_squares_f32_generic
    unsafe x.withUnsafeBufferPointer { x in
      unsafe y.withUnsafeBufferPointer { y in
        unsafe g.withUnsafeBufferPointer { g in
          unsafe out.withUnsafeMutableBufferPointer { out in
            // SAFETY: `y` holds a coordinate for each of `x` and each of `out` (checked above).
            unsafe kernel(
              x.baseAddress, y.baseAddress, x.count, g.count, g.baseAddress, f, rate,
              out.baseAddress, out.count)
          }
        }
      }
    }
  }
}

extension Double: KernelElement {
  package static func gibbsRow(
    _ c: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    into out: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    CostKernels.gibbsRow(c, g, f: f, rate: rate, into: &out, build: build)
  }

  package static func dotRows(
    _ x: Span<Double>, _ w: Span<Double>, into out: inout MutableSpan<Double>,
    build: KernelBuild = .best
  ) {
    precondition(x.count == w.count * out.count, "\(x.count) elements of \(out.count) rows")
    let kernel = unsafe build == .best ? ferry_rows_dot_f64 : ferry_rows_dot_f64_generic
    unsafe x.withUnsafeBufferPointer { x in
      unsafe w.withUnsafeBufferPointer { w in
        unsafe out.withUnsafeMutableBufferPointer { out in
          // SAFETY: `x` holds a row of `w.count` for each of `out` (checked above).
          unsafe kernel(
            x.baseAddress, out.count, w.count, w.baseAddress, out.baseAddress, w.count)
        }
      }
    }
  }

  package static func addRows(
    _ x: Span<Double>, scaledBy scales: Span<Double>, into sums: inout MutableSpan<Double>,
    build: KernelBuild = .best
  ) {
    precondition(x.count == sums.count * scales.count, "\(x.count) of \(scales.count) rows")
    let kernel = unsafe build == .best ? ferry_rows_add_f64 : ferry_rows_add_f64_generic
    unsafe x.withUnsafeBufferPointer { x in
      unsafe scales.withUnsafeBufferPointer { scales in
        unsafe sums.withUnsafeMutableBufferPointer { sums in
          // SAFETY: as for `dotRows`.
          unsafe kernel(
            x.baseAddress, scales.count, sums.count, scales.baseAddress, sums.baseAddress,
            sums.count)
        }
      }
    }
  }

  package static func gibbsSquares(
    from x: Span<Double>, to y: Span<Double>, _ g: Span<Double>, f: Double, rate: Double,
    into out: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    precondition(
      (1...3).contains(x.count) && y.count == x.count * g.count && g.count == out.count,
      "\(y.count) numbers for \(out.count) points of \(x.count) dimensions")
    let kernel = unsafe build == .best ? ferry_gibbs_squares_f64 : ferry_gibbs_squares_f64_generic
    unsafe x.withUnsafeBufferPointer { x in
      unsafe y.withUnsafeBufferPointer { y in
        unsafe g.withUnsafeBufferPointer { g in
          unsafe out.withUnsafeMutableBufferPointer { out in
            // SAFETY: `y` holds a coordinate for each of `x` and each of `out` (checked above).
            unsafe kernel(
              x.baseAddress, y.baseAddress, x.count, g.count, g.baseAddress, f, rate,
              out.baseAddress, out.count)
          }
        }
      }
    }
  }
}
