// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Small matrix products, and lists of the best entries of a row, in f64.
package enum MatrixKernels {
  /// `out: [n, m] = a: [n, k] · b: [k, m]`, row after row; sums run in the order of k.
  package static func product(
    _ a: Span<Double>, _ b: Span<Double>, inner k: Int, into out: inout MutableSpan<Double>,
    build: KernelBuild = .best
  ) {
    precondition(k > 0 && a.count % k == 0 && b.count % k == 0, "inner dimension \(k)")
    let n = a.count / k
    let m = b.count / k
    precondition(out.count == n * m, "\(out.count) entries for \(n) × \(m)")
    let kernel = unsafe build == .best ? ferry_product_f64 : ferry_product_f64_generic
    unsafe a.withUnsafeBufferPointer { a in
      unsafe b.withUnsafeBufferPointer { b in
        unsafe out.withUnsafeMutableBufferPointer { out in
          // SAFETY: counts are checked above; a mutable span overlaps no other.
          unsafe kernel(a.baseAddress, b.baseAddress, out.baseAddress, n, k, m)
        }
      }
    }
  }

  /// The places and costs `c[j]` of the least `c[j] − v[j]`, as many as `places` holds and fewer
  /// than there are, in no order; gives the least `c[j] − v[j]` of the others.
  package static func least(
    _ c: Span<Double>, minus v: Span<Double>, places: inout MutableSpan<Int32>,
    costs: inout MutableSpan<Double>, build: KernelBuild = .best
  ) -> Double {
    let k = places.count
    precondition(
      c.count == v.count && costs.count == k && k > 0 && k < c.count,
      "\(k) least of \(c.count) and \(v.count)")
    let kernel = unsafe build == .best ? ferry_k_least_f64 : ferry_k_least_f64_generic
    return unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * k + 34) { keys in
      unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * k + 34) { others in
        unsafe c.withUnsafeBufferPointer { c in
          unsafe v.withUnsafeBufferPointer { v in
            unsafe places.withUnsafeMutableBufferPointer { places in
              unsafe costs.withUnsafeMutableBufferPointer { costs in
                // SAFETY: rows hold `c.count`, results k, scratch 2 k + 34 elements.
                unsafe kernel(
                  c.baseAddress, v.baseAddress, c.count, k, places.baseAddress,
                  costs.baseAddress, keys.baseAddress, others.baseAddress)
              }
            }
          }
        }
      }
    }
  }
}
