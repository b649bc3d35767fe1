// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryTensors
import Testing

@Suite("Values")
struct ValuesTests {
  @Test("come back from their bytes", arguments: ElementType.allCases)
  func roundTrip(type: ElementType) throws {
    for count in [0, 1, 5, 100] {
      let bytes = (0..<count * type.byteWidth).map {
        UInt8($0 * 37 % 251) & (type == .bool ? 1 : 255)
      }
      let values = try Values(type, count: count, bytes: bytes.span.elementBytes)
      #expect(values.count == count && values.elementType == type)
      #expect(values.bytes == bytes && values.byteCount == bytes.count)
      let (head, tail) = (values[0..<count / 2], values[count / 2..<count])
      #expect(Values.joined([head, tail], of: type).bytes == bytes)
    }
    #expect(Values(type).count == 0 && Values(type).elementType == type)
    let zeros = Values.zeros(type, count: 3)
    #expect(zeros.bytes == [UInt8](repeating: 0, count: 3 * type.byteWidth))
    #expect(zeros.elementType == type)
  }

  @Test("bytes that are no values are refused, and say why")
  func malformed() {
    func message(_ type: ElementType, _ count: Int, _ bytes: [UInt8]) -> String? {
      let error = #expect(throws: MalformedMessage.self) {
        try Values(type, count: count, bytes: bytes.span.elementBytes)
      }
      return error?.what
    }
    #expect(message(.f32, 2, [1, 2, 3, 4]) == "4 bytes are not 2 values of F32")
    #expect(message(.i64, -1, []) == "0 bytes are not -1 values of I64")
    #expect(message(.f64, .max, []) == "0 bytes are not \(Int.max) values of F64")
    #expect(message(.bool, 3, [0, 1, 2]) == "the byte 2 is no flag")
  }

  @Test("hold what Swift holds")
  func cases() {
    #expect(Values.bool([true, false]).bytes == [1, 0])
    #expect(
      Values.f16([Half(1)]).bytes == [0, 0x3c] && Values.bf16([BFloat16(1)]).bytes == [0x80, 0x3f])
    #expect(Values.i16([-2]).bytes == [0xfe, 0xff])
    #expect(Values.f32([1]) != Values.f64([1]) && Values.u8([1]) == Values.u8([1]))
  }
}
