// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Sorting and matching of numbers on a line: what transport in one dimension spends its time in.
package enum SortKernels {
  /// Sorts ascending, in O(n) time and 8 bytes of scratch a number. NaN goes to the ends.
  package static func sort(_ x: inout MutableSpan<Double>) {
    let n = x.count
    precondition(n <= UInt32.max, "\(n) numbers to sort")
    // Asks for large pages: with small ones, first touches take longer than sorting.
    let scratch = SharedBuffer<UInt64>(count: n)
    var other = scratch.part(0..<n)
    unsafe x.withUnsafeMutableBufferPointer { x in
      unsafe other.withUnsafeMutableBufferPointer { other in
        // SAFETY: n numbers and n keys; a mutable span overlaps no other.
        unsafe ferry_sort_f64(x.baseAddress, other.baseAddress, n)
      }
    }
  }

  /// The same of f32, 8 bytes of scratch a number.
  package static func sort(_ x: inout MutableSpan<Float>) {
    let n = x.count
    precondition(n <= UInt32.max, "\(n) numbers to sort")
    let keys = UnsafeMutablePointer<UInt32>.allocate(capacity: max(1, 2 * n))
    defer { unsafe keys.deallocate() }
    unsafe x.withUnsafeMutableBufferPointer { x in
      // SAFETY: as for f64.
      unsafe ferry_sort_f32(x.baseAddress, keys, keys + n, n)
    }
  }

  /// Sorts ascending and gives each number's place of before; equal ones stay as they stood.
  package static func sortWithPlaces(_ x: inout MutableSpan<Double>) -> [Int32] {
    let n = x.count
    precondition(n < Int(Int32.max), "\(n) numbers to sort with their places")
    let keys = UnsafeMutablePointer<UInt64>.allocate(capacity: max(1, 2 * n))
    let other = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, n))
    defer {
      unsafe keys.deallocate()
      unsafe other.deallocate()
    }
    // SAFETY: the kernel writes all n places.
    return unsafe [Int32](unsafeUninitializedCapacity: n) { order, count in
      unsafe x.withUnsafeMutableBufferPointer { x in
        // SAFETY: as for `sort`; two runs of n places that overlap nothing.
        unsafe ferry_sort_places_f64(
          x.baseAddress, order.baseAddress, keys, keys + n, other, n)
      }
      count = n
    }
  }

  /// The sum of `|x[i] − y[i]|` to the power of 1 or 2, in lanes of a fixed order.
  package static func differenceSum(
    _ x: Span<Double>, _ y: Span<Double>, power: Int, build: KernelBuild = .best
  ) -> Double {
    precondition(x.count == y.count && (power == 1 || power == 2), "\(x.count), \(y.count)")
    let kernel =
      unsafe build == .best ? ferry_difference_sum_f64 : ferry_difference_sum_f64_generic
    return unsafe x.withUnsafeBufferPointer { x in
      unsafe y.withUnsafeBufferPointer { y in
        // SAFETY: both hold `x.count` elements.
        unsafe kernel(Int32(power), x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  /// The same of f32; differences and sums are in f64.
  package static func differenceSum(
    _ x: Span<Float>, _ y: Span<Float>, power: Int, build: KernelBuild = .best
  ) -> Double {
    precondition(x.count == y.count && (power == 1 || power == 2), "\(x.count), \(y.count)")
    let kernel =
      unsafe build == .best ? ferry_difference_sum_f32 : ferry_difference_sum_f32_generic
    return unsafe x.withUnsafeBufferPointer { x in
      unsafe y.withUnsafeBufferPointer { y in
        // SAFETY: both hold `x.count` elements.
        unsafe kernel(Int32(power), x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  /// Four projections of points in tiles of 16 (`PointTiles`): `out: [4, n]`, for `directions:
  /// [4, d]`.
  package static func projectFour(
    _ tiles: Span<Float>, onto directions: Span<Float>, into out: inout MutableSpan<Float>,
    build: KernelBuild = .best
  ) {
    let n = out.count / 4
    let d = directions.count / 4
    precondition(
      out.count == 4 * n && directions.count == 4 * d && tiles.count == (n + 15) / 16 * 16 * d,
      "\(tiles.count) numbers in tiles for \(n) points of \(d)")
    let kernel = unsafe build == .best ? ferry_project_four_f32 : ferry_project_four_f32_generic
    unsafe tiles.withUnsafeBufferPointer { tiles in
      unsafe directions.withUnsafeBufferPointer { directions in
        unsafe out.withUnsafeMutableBufferPointer { out in
          // SAFETY: counts are checked above; a mutable span overlaps no other.
          unsafe kernel(tiles.baseAddress, directions.baseAddress, d, out.baseAddress, n)
        }
      }
    }
  }
}
