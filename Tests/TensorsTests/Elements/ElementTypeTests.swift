// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("ElementType")
struct ElementTypeTests {
  @Test("is found again by the name that NumPy and safetensors give it")
  func names() {
    for type in ElementType.allCases {
      #expect(ElementType(rawValue: type.rawValue) == type)
      if let npy = type.npyDescription { #expect(ElementType(npyDescription: npy) == type) }
    }
    #expect(ElementType.allCases.filter { $0.npyDescription == nil } == [.bf16])
    #expect(ElementType(npyDescription: ">f4") == nil)
    #expect(ElementType(rawValue: "F8_E4M3") == nil)
  }

  @Test("is as wide as the Swift type that lies like it")
  func widths() {
    func check<E: TensorElement>(_ type: E.Type) {
      #expect(E.elementType.byteWidth == MemoryLayout<E>.stride)
    }
    check(Float.self)
    check(Double.self)
    check(Half.self)
    check(BFloat16.self)
    check(Int8.self)
    check(Int16.self)
    check(Int32.self)
    check(Int64.self)
    check(UInt8.self)
    check(UInt16.self)
    check(UInt32.self)
    check(UInt64.self)
    #expect(ElementType.bool.byteWidth == 1)
  }
}
