// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Loops between points and the nodes of a grid around them: polynomials of degree 11 an axis.
package enum GridKernels {
  /// Nodes around a point, an axis.
  package static let nodes = Int(FERRY_GRID_NODES)
  /// Zeros on each side of an axis' kernel.
  package static let margin = Int(FERRY_GRID_MARGIN)

  /// An axis: where it begins, how many cells of length 1/`rate` it has, and how far apart in memory
  /// its nodes lie. A cell's first node has the cell's number.
  package struct Axis: Sendable {
    package var low: Double
    package var rate: Double
    package var cells: Int
    package var stride: Int
    /// Nodes of all cells.
    package var nodeCount: Int { cells + GridKernels.nodes - 1 }

    package init(low: Double, rate: Double, cells: Int, stride: Int) {
      self.low = low
      self.rate = rate
      self.cells = cells
      self.stride = stride
    }
  }

  /// Where points of `axes.count` dimensions lie: coordinate k of point i at `x[i·d + k]`. Gives the
  /// first of each one's nodes, and its weights `[n, d, nodes]`.
  package static func place(
    _ x: Span<Double>, _ axes: [Axis], starts: inout MutableSpan<Int32>,
    weights: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    let d = axes.count
    let n = starts.count
    precondition(
      x.count == n * d && weights.count == n * d * nodes && axes.allSatisfy { $0.cells > 0 },
      "\(x.count) coordinates")
    let kernel = unsafe build == .best ? ferry_grid_place_f64 : ferry_grid_place_f64_generic
    for i in starts.indices { starts[i] = 0 }
    unsafe x.withUnsafeBufferPointer { x in
      unsafe starts.withUnsafeMutableBufferPointer { starts in
        unsafe weights.withUnsafeMutableBufferPointer { weights in
          for (k, axis) in axes.enumerated() where n > 0 {
            // SAFETY: n points of d coordinates and d · nodes weights, from the k-th on.
            unsafe kernel(
              x.baseAddress! + k, d, axis.low, axis.rate, axis.cells, axis.stride,
              weights.baseAddress! + k * nodes, d * nodes, starts.baseAddress, n)
          }
        }
      }
    }
  }

  /// Adds values to the nodes around their points; `shape` is how many nodes each axis has.
  package static func spread(
    _ values: Span<Double>, starts: Span<Int32>, weights: Span<Double>, shape: [Int],
    into grid: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    let (outer, inner) = strides(shape, grid.count)
    requireRoom(starts, shape, in: grid.count)
    let n = starts.count
    precondition(
      values.count == n && weights.count == n * shape.count * nodes, "\(values.count) of \(n)")
    let kernel = unsafe build == .best ? ferry_grid_spread_f64 : ferry_grid_spread_f64_generic
    unsafe values.withUnsafeBufferPointer { values in
      unsafe starts.withUnsafeBufferPointer { starts in
        unsafe weights.withUnsafeBufferPointer { weights in
          unsafe grid.withUnsafeMutableBufferPointer { grid in
            // SAFETY: counts are checked above, and that each start leaves room for its nodes.
            unsafe kernel(
              weights.baseAddress, starts.baseAddress, values.baseAddress, shape.count, outer,
              inner, grid.baseAddress, n)
          }
        }
      }
    }
  }

  /// Reads points off the nodes around them.
  package static func gather(
    _ grid: Span<Double>, starts: Span<Int32>, weights: Span<Double>, shape: [Int],
    into out: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    let (outer, inner) = strides(shape, grid.count)
    requireRoom(starts, shape, in: grid.count)
    let n = starts.count
    precondition(out.count == n && weights.count == n * shape.count * nodes, "\(out.count) of \(n)")
    let kernel = unsafe build == .best ? ferry_grid_gather_f64 : ferry_grid_gather_f64_generic
    unsafe grid.withUnsafeBufferPointer { grid in
      unsafe starts.withUnsafeBufferPointer { starts in
        unsafe weights.withUnsafeBufferPointer { weights in
          unsafe out.withUnsafeMutableBufferPointer { out in
            // SAFETY: as for `spread`.
            unsafe kernel(
              weights.baseAddress, starts.baseAddress, grid.baseAddress, shape.count, outer, inner,
              out.baseAddress, n)
          }
        }
      }
    }
  }

  /// `out[j, i] = Σ_k kernel(|i − k|) grid[k, j]` for some columns j of `grid: [count, inner]`, into
  /// their rows of `out: [inner, count]`: once for each axis brings the first axis back to the front.
  ///
  /// - Parameters:
  ///   - kernel: `[2·reach + 1]` values with `margin` zeros on each side.
  ///   - out: the rows of `columns` alone.
  package static func convolve(
    _ grid: Span<Double>, kernel: Span<Double>, count: Int, columns: Range<Int>,
    into out: inout MutableSpan<Double>, build: KernelBuild = .best
  ) {
    let inner = grid.count / count
    let reach = (kernel.count - 2 * margin - 1) / 2
    precondition(
      grid.count == inner * count && out.count == columns.count * count
        && columns.lowerBound >= 0 && columns.upperBound <= inner && reach >= 0
        && kernel.count == 2 * (reach + margin) + 1, "\(columns) of \(grid.count)")
    let convolve = unsafe build == .best ? ferry_grid_axis_f64 : ferry_grid_axis_f64_generic
    unsafe grid.withUnsafeBufferPointer { grid in
      unsafe kernel.withUnsafeBufferPointer { kernel in
        unsafe out.withUnsafeMutableBufferPointer { out in
          // SAFETY: columns are read from theirs on, and written as rows from 0 on.
          unsafe convolve(
            kernel.baseAddress, reach, grid.baseAddress! + columns.lowerBound, count, inner, 0,
            columns.count, out.baseAddress)
        }
      }
    }
  }

  /// From each start the nodes of a point fit into the grid.
  private static func requireRoom(_ starts: Span<Int32>, _ shape: [Int], in count: Int) {
    let (outer, inner) = strides(shape, count)
    let last = (nodes - 1) * (outer + (shape.count > 1 ? inner : 0) + 1)
    var (least, greatest) = (Int32.max, Int32.min)
    for i in starts.indices {
      least = min(least, starts[i])
      greatest = max(greatest, starts[i])
    }
    precondition(
      starts.isEmpty || (least >= 0 && Int(greatest) + last < count),
      "starts from \(least) to \(greatest) in \(count) nodes")
  }

  private static func strides(_ shape: [Int], _ count: Int) -> (outer: Int, inner: Int) {
    precondition(
      (1...3).contains(shape.count) && shape.reduce(1, *) == count, "\(shape) in \(count) nodes")
    let inner = shape.last!
    return (shape.count == 3 ? inner * shape[1] : 0, inner)
  }
}
