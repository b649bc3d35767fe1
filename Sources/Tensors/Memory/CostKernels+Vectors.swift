// SPDX-License-Identifier: Apache-2.0

import CKernels

extension CostKernels {
  /// `out[i] = log(x[i])`, of normal numbers above 0.
  package static func logarithms(
    _ x: Span<Double>, into out: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    precondition(x.count == out.count, "\(x.count) into \(out.count)")
    let kernel = unsafe build == .best ? ferry_log_f64 : ferry_log_f64_generic
    unsafe x.withUnsafeBufferPointer { x in
      unsafe out.withUnsafeMutableBufferPointer { out in
        // SAFETY: both hold `out.count` elements, and a mutable span overlaps no other.
        unsafe kernel(x.baseAddress, out.baseAddress, out.count)
      }
    }
  }

  /// `out[i] = exp(x[i])`; 0 below −708, at most exp(709).
  package static func exponentials(
    _ x: Span<Double>, into out: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    precondition(x.count == out.count, "\(x.count) into \(out.count)")
    let kernel = unsafe build == .best ? ferry_exp_f64 : ferry_exp_f64_generic
    unsafe x.withUnsafeBufferPointer { x in
      unsafe out.withUnsafeMutableBufferPointer { out in
        // SAFETY: as for `logarithms`.
        unsafe kernel(x.baseAddress, out.baseAddress, out.count)
      }
    }
  }

  /// `out[i] = u[i] (u[i] sums[i])^−θ`: at θ = 1 the scaling that makes row i's mass right, beyond it
  /// at θ > 1. All are above 0 and normal.
  package static func relaxedScalings(
    _ u: Span<Double>, sums: Span<Double>, theta: Double, into out: inout MutableSpan<Double>,
    build: KernelBuild = .best
  ) {
    precondition(u.count == out.count && sums.count == out.count, "\(u.count) into \(out.count)")
    let kernel =
      unsafe build == .best ? ferry_relaxed_scalings_f64 : ferry_relaxed_scalings_f64_generic
    unsafe u.withUnsafeBufferPointer { u in
      unsafe sums.withUnsafeBufferPointer { sums in
        unsafe out.withUnsafeMutableBufferPointer { out in
          // SAFETY: as for `logarithms`.
          unsafe kernel(u.baseAddress, sums.baseAddress, theta, out.baseAddress, out.count)
        }
      }
    }
  }

  /// `x[i] *= y[i]`.
  package static func multiply(
    _ x: inout MutableSpan<Double>, by y: Span<Double>, build: KernelBuild = .best
  ) {
    precondition(x.count == y.count, "\(y.count) into \(x.count)")
    let kernel = unsafe build == .best ? ferry_multiply_f64 : ferry_multiply_f64_generic
    unsafe y.withUnsafeBufferPointer { y in
      unsafe x.withUnsafeMutableBufferPointer { x in
        // SAFETY: as for `logarithms`.
        unsafe kernel(x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  /// The sum of `x[i]`, and that of `x[i] y[i]`.
  package static func sumAndDot(
    _ x: Span<Double>, _ y: Span<Double>, build: KernelBuild = .best
  ) -> (sum: Double, dot: Double) {
    precondition(x.count == y.count, "\(x.count) and \(y.count)")
    let kernel = unsafe build == .best ? ferry_sum_dot_f64 : ferry_sum_dot_f64_generic
    var out = [0.0, 0]
    unsafe x.withUnsafeBufferPointer { x in
      unsafe y.withUnsafeBufferPointer { y in
        // SAFETY: both rows hold `x.count` elements, and `out` is two.
        unsafe kernel(x.baseAddress, y.baseAddress, &out, x.count)
      }
    }
    return (out[0], out[1])
  }

  /// Least, greatest and sum of numbers; a NaN shows in the sum alone.
  package static func range(
    _ x: Span<Double>, build: KernelBuild = .best
  ) -> (least: Double, greatest: Double, sum: Double) {
    let kernel = unsafe build == .best ? ferry_range_f64 : ferry_range_f64_generic
    var out = [0.0, 0, 0]
    unsafe x.withUnsafeBufferPointer { x in
      // SAFETY: `x` holds `x.count` elements, and `out` is three.
      unsafe kernel(x.baseAddress, &out, x.count)
    }
    return (out[0], out[1], out[2])
  }
}
