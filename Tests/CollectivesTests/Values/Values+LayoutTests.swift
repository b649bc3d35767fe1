// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryTensors
import Testing

@Suite("Values in slices")
struct ValuesLayoutTests {
  @Test(
    "come out of a slice and go back into it, whatever they are", arguments: ElementType.allCases)
  func roundTrip(type: ElementType) throws {
    let width = type.byteWidth
    let memory = (0..<24 * width).map { UInt8($0 * 37 % 251) & (type == .bool ? 1 : 255) }
    // Every second column of rows 3 to 1 of 4 by 6, at the end of the memory backwards.
    let slice = try TensorSlice(type, of: [4, 6], [1..<4, 0..<6], steps: [-1, 2])
    let values = try Values(type, as: slice.block, in: memory.span.elementBytes)
    let places = [18, 20, 22, 12, 14, 16, 6, 8, 10]
    #expect(values.count == 9 && values.elementType == type)
    #expect(values.bytes == places.flatMap { memory[$0 * width..<($0 + 1) * width] })

    var other = [UInt8](repeating: 99, count: memory.count + 3)
    var view = other.mutableSpan
    try values.write(as: slice.block, to: &view, at: 3)
    for place in 0..<24 {
      let wanted =
        places.contains(place)
        ? Array(memory[place * width..<(place + 1) * width]) : Array(repeating: 99, count: width)
      #expect(Array(other[3 + place * width..<3 + (place + 1) * width]) == wanted, "\(place)")
    }
  }

  @Test("a slice of a tensor is an operand, and takes the result")
  func tensor() throws {
    var table: [Float] = (0..<12).map(Float.init)
    let column = try TensorSlice(.f32, of: [3, 4], [0..<3, 1..<2])
    let values = Values(column, of: table.span)
    #expect(values == .f32([1, 5, 9]))
    #expect(try Values(column, of: HostTensor(table, shape: [3, 4])) == values)
    var view = table.mutableSpan
    try Values.f32([-1, -5, -9]).write(to: column, of: &view)
    #expect(table == [0, -1, 2, 3, 4, -5, 6, 7, 8, -9, 10, 11])
  }

  @Test("a result of another type or length is refused, and nothing is written")
  func refused() throws {
    var table: [Float] = [1, 2, 3, 4]
    let row = try TensorSlice(.f32, of: [2, 2], [0..<1, 0..<2])
    func message(_ values: Values) -> String {
      let error = #expect(throws: CollectiveError.self) {
        var view = table.mutableSpan
        try values.write(to: row, of: &view)
      }
      return error?.description ?? ""
    }
    #expect(
      message(.f32([5])) == "bad-operation: 1 values for a place of 2 (F32 values). "
        + "Give a place for as many elements as there are.")
    #expect(
      message(.i32([5, 6])) == "bad-operation: I32 values for a slice of F32 (a slice of [1, 2]). "
        + "Give a slice of the values' own type.")
    #expect(table == [1, 2, 3, 4])
    #expect(throws: MalformedMessage.self) {
      try Values(.bool, as: StridedBlock(byteCount: 2), in: [UInt8](1...2).span.elementBytes)
    }
    #expect(throws: TensorError.self) { try Values(row, of: HostTensor(table)) }
  }
}
