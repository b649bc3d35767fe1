// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Testing

@Suite("TensorSlice")
struct TensorSliceTests {
  @Test("2,000 random slices are what indices say, and scatter back to where they came from")
  func random() throws {
    var chance = SplitMix64(Seed(7))
    for _ in 0..<2000 {
      let rank = Int.random(in: 0...4, using: &chance)
      let sizes = (0..<rank).map { _ in Int.random(in: 0...5, using: &chance) }
      let ranges = sizes.map { size in
        let first = Int.random(in: 0...size, using: &chance)
        return first..<Int.random(in: first...size, using: &chance)
      }
      let steps = sizes.map { _ in [1, 1, 2, 3, -1, -2, .max, .min][Int(chance.next() % 8)] }
      let whole = try Shape(sizes)
      let values = (0..<whole.elementCount).map { Int32($0) }

      var (indices, dimensions) = ([0], [Int]())
      for axis in 0..<rank {
        let step = max(-9, min(9, steps[axis]))
        let taken =
          step > 0
          ? Array(stride(from: ranges[axis].lowerBound, to: ranges[axis].upperBound, by: step))
          : Array(
            stride(from: ranges[axis].upperBound - 1, through: ranges[axis].lowerBound, by: step))
        dimensions.append(taken.count)
        indices = indices.flatMap { outer in taken.map { outer * sizes[axis] + $0 } }
      }
      let slice = try TensorSlice(.i32, of: whole, ranges, steps: steps)
      let name = "\(sizes) \(ranges) \(steps)"
      try #require(slice.shape.dimensions == dimensions, "\(name)")
      let part = slice.gather(values.span)
      try #require(part == indices.map { values[$0] }, "\(name)")
      let tensor = try HostTensor(values, shape: whole).slice(ranges, steps: steps)
      try #require(try tensor.values(of: Int32.self) == part && tensor.shape == slice.shape)

      var expected = values
      for index in indices { expected[index] = -values[index] }
      try #require(scatter(slice, part.map { -$0 }, into: values) == expected, "\(name)")
      #expect(slice.block.isPlainlyApart)
    }
  }

  private func scatter(_ slice: TensorSlice, _ part: [Int32], into whole: [Int32]) -> [Int32] {
    var target = whole
    var view = target.mutableSpan
    slice.scatter(part.span, into: &view)
    return target
  }

  @Test("whole rows are one piece, whole planes too")
  func contiguous() throws {
    #expect(try TensorSlice(.f32, of: [4, 6, 8], [1..<3, 0..<6, 0..<8]).block.isContiguous)
    #expect(try TensorSlice(.f32, of: [4, 6, 8], [1..<2, 2..<5, 0..<8]).block.isContiguous)
    #expect(try TensorSlice(.f32, of: [4, 6, 8], [1..<2, 2..<3, 3..<5]).block.isContiguous)
    let columns = try TensorSlice(.f32, of: [4, 6, 8], [0..<4, 0..<6, 3..<5])
    #expect(columns.block.counts == [8, 24] && columns.block.strides == [1, 32])
  }

  @Test("refuses ranges beyond the tensor, steps of 0 and dimensions forgotten")
  func refusals() {
    let remedy =
      " (a slice of F32 [4, 6]). "
      + "Give each dimension a range within it, and a step that is not 0."
    #expect(
      message { _ = try TensorSlice(.f32, of: [4, 6], [0..<4, 2..<7]) }
        == "layout-invalid: the range 2..<7 in dimension 1" + remedy)
    #expect(
      message { _ = try TensorSlice(.f32, of: [4, 6], [-1..<4, 2..<6]) }
        == "layout-invalid: the range -1..<4 in dimension 0" + remedy)
    #expect(
      message { _ = try TensorSlice(.f32, of: [4, 6], [0..<4, 2..<6], steps: [1, 0]) }
        == "layout-invalid: the step 0 in dimension 1" + remedy)
    #expect(
      message { _ = try TensorSlice(.f32, of: [4, 6], [0..<4]) }
        == "layout-invalid: 1 ranges and 1 steps" + remedy)
    #expect(throws: Never.self) {
      _ = try TensorSlice(.f32, of: [0, .max, 8], [0..<0, 1..<2, 0..<8])
    }
  }

  @Test func stopsAtATensorOfAnotherSize() async {
    await #expect(processExitsWith: .failure) {
      let slice = try TensorSlice(.f32, of: [2, 2], [0..<1, 0..<2])
      let values: [Float] = [1, 2, 3]
      _ = slice.gather(values.span)
    }
  }
}
