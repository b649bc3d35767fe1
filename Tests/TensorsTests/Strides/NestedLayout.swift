// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

/// A layout as a tree, walked byte by byte as MPI defines it: what `StridedBlock` is tested against.
indirect enum NestedLayout {
  case bytes(Int)
  case contiguous(Int, NestedLayout)
  case vector(count: Int, blockLength: Int, stride: Int, NestedLayout)
  case hvector(count: Int, blockLength: Int, byteStride: Int, NestedLayout)
  case subarray(sizes: [Int], subsizes: [Int], starts: [Int], NestedLayout)
  case resized(lowerBound: Int, extent: Int, NestedLayout)

  /// The bytes in order, and the bounds.
  struct Walk: Equatable {
    var offsets: [Int]
    var lower: Int
    var upper: Int
    var extent: Int { upper - lower }
  }

  func walk() -> Walk {
    /// Copies of a child at these displacements.
    func copies(_ child: Walk, _ displacements: [Int]) -> Walk {
      guard !displacements.isEmpty else { return Walk(offsets: [], lower: 0, upper: 0) }
      return Walk(
        offsets: displacements.flatMap { shift in child.offsets.map { $0 + shift } },
        lower: displacements.map { $0 + child.lower }.min()!,
        upper: displacements.map { $0 + child.upper }.max()!)
    }
    switch self {
    case .bytes(let count): return Walk(offsets: Array(0..<count), lower: 0, upper: count)
    case .contiguous(let count, let child):
      let child = child.walk()
      return copies(child, (0..<count).map { $0 * child.extent })
    case .vector(let count, let length, let stride, let child):
      let child = child.walk()
      return copies(
        child, (0..<count).flatMap { i in (0..<length).map { (i * stride + $0) * child.extent } })
    case .hvector(let count, let length, let stride, let child):
      let child = child.walk()
      return copies(
        child, (0..<count).flatMap { i in (0..<length).map { i * stride + $0 * child.extent } })
    case .subarray(let sizes, let subsizes, let starts, let child):
      let child = child.walk()
      var elements = [0]
      for axis in sizes.indices {
        elements = elements.flatMap { outer in
          (0..<subsizes[axis]).map { outer * sizes[axis] + starts[axis] + $0 }
        }
      }
      var walk = copies(child, elements.map { $0 * child.extent })
      (walk.lower, walk.upper) = (0, sizes.reduce(child.extent, *))
      return walk
    case .resized(let lower, let extent, let child):
      return Walk(offsets: child.walk().offsets, lower: lower, upper: lower + extent)
    }
  }

  func block() throws(TensorError) -> StridedBlock {
    switch self {
    case .bytes(let count): return StridedBlock(byteCount: count)
    case .contiguous(let count, let child): return try child.block().contiguous(count)
    case .vector(let count, let length, let stride, let child):
      return try child.block().vector(count: count, blockLength: length, stride: stride)
    case .hvector(let count, let length, let stride, let child):
      return try child.block().hvector(count: count, blockLength: length, byteStride: stride)
    case .subarray(let sizes, let subsizes, let starts, let child):
      return try child.block().subarray(sizes: sizes, subsizes: subsizes, starts: starts)
    case .resized(let lower, let extent, let child):
      return try child.block().resized(lowerBound: lower, extent: extent)
    }
  }

  /// A layout of at most `depth` nestings.
  static func random(depth: Int, _ chance: inout SplitMix64) -> NestedLayout {
    func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &chance) }
    /// Seldom none, so that not all becomes empty.
    func few(_ most: Int) -> Int { draw(0...19) == 0 ? 0 : draw(1...most) }
    guard depth > 0 else { return .bytes(few(3) * [1, 1, 2, 4, 8][draw(0...4)]) }
    let child = random(depth: depth - (draw(0...3) == 0 ? 2 : 1), &chance)
    let extent = child.walk().extent
    switch draw(0...5) {
    case 0: return .contiguous(few(4), child)
    case 1:
      return .vector(
        count: few(4), blockLength: few(3), stride: draw(-3...5), child)
    case 2:
      // Often one that goes on where a block ends, so that levels merge.
      let length = draw(1...3)
      let stride = draw(0...1) == 0 ? length * extent : draw(-40...60)
      return .hvector(count: few(4), blockLength: length, byteStride: stride, child)
    case 3, 4:
      let sizes = (0..<draw(1...3)).map { _ in draw(1...4) }
      let starts = sizes.map { draw(0...$0 - 1) }
      let subsizes = zip(sizes, starts).map { draw(draw(0...9) == 0 ? 0...0 : 1...($0 - $1)) }
      return .subarray(sizes: sizes, subsizes: subsizes, starts: starts, child)
    default:
      let lower = draw(-8...8)
      return .resized(
        lowerBound: lower, extent: draw(0...3) == 0 ? draw(-20...40) : max(extent, 1) + draw(0...8),
        child)
    }
  }

  /// The same bytes in the same order, with the same extent, said in another way.
  func reexpressed(_ chance: inout SplitMix64) -> NestedLayout {
    func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &chance) }
    var same = self
    switch self {
    case .bytes(let count):
      let parts = (1...max(1, count)).filter { count % $0 == 0 }
      let part = parts[draw(0...parts.count - 1)]
      if count > 0, draw(0...1) == 0 { same = .contiguous(count / part, .bytes(part)) }
    case .contiguous(let count, let child):
      let child = child.reexpressed(&chance)
      let extent = child.walk().extent
      switch draw(0...5) {
      case 0: same = .vector(count: count, blockLength: 1, stride: 1, child)
      case 1 where count > 0:
        same = .vector(count: 1, blockLength: count, stride: draw(-9...9), child)
      case 2: same = .hvector(count: count, blockLength: 1, byteStride: extent, child)
      case 3 where count > 0:
        // A subarray puts its lower bound at 0, which the extent does not show.
        same = .subarray(sizes: [count], subsizes: [count], starts: [0], child)
      case 4 where count > 0 && count % 2 == 0:
        same = .contiguous(2, .contiguous(count / 2, child))
      default: same = .contiguous(count, child)
      }
      // With an extent below 0 the bounds of copies are not those of a run.
      if extent < 0, case .subarray = same { same = .contiguous(count, child) }
      if extent < 0, case .contiguous(2, .contiguous) = same { same = .contiguous(count, child) }
    case .vector(let count, let length, let stride, let child):
      let child = child.reexpressed(&chance)
      let bytes = stride * child.walk().extent
      switch draw(0...2) {
      case 0: same = .hvector(count: count, blockLength: length, byteStride: bytes, child)
      case 1:
        same = .hvector(
          count: count, blockLength: 1, byteStride: bytes, .contiguous(length, child))
      default: same = .vector(count: count, blockLength: length, stride: stride, child)
      }
    case .hvector(let count, let length, let stride, let child):
      let child = child.reexpressed(&chance)
      if count == 4, draw(0...1) == 0 {
        same = .hvector(
          count: 2, blockLength: 1, byteStride: 2 * stride,
          .hvector(count: 2, blockLength: length, byteStride: stride, child))
      } else {
        same = .hvector(
          count: count, blockLength: 1, byteStride: stride,
          .vector(count: length, blockLength: 1, stride: 1, child))
      }
    case .subarray(let sizes, let subsizes, let starts, let child):
      let child = child.reexpressed(&chance)
      if draw(0...1) == 0 {
        same = child
        for axis in sizes.indices.reversed() {
          same = .subarray(
            sizes: [sizes[axis]], subsizes: [subsizes[axis]], starts: [starts[axis]], same)
        }
      } else {
        same = .subarray(
          sizes: [1] + sizes, subsizes: [1] + subsizes, starts: [0] + starts, child)
      }
    case .resized(let lower, let extent, let child):
      let child = child.reexpressed(&chance)
      same = .resized(
        lowerBound: lower, extent: extent,
        draw(0...1) == 0 ? child : .resized(lowerBound: draw(-9...9), extent: draw(0...99), child))
    }
    switch draw(0...5) {
    case 0: return .contiguous(1, same)
    case 1: return .vector(count: 1, blockLength: 1, stride: draw(-9...9), same)
    case 2:
      let walk = same.walk()
      return .resized(lowerBound: walk.lower, extent: walk.extent, same)
    default: return same
    }
  }
}
