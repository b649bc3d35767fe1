// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("Folds")
struct FoldTests {
  private static let types: [any FoldableElement.Type] = [
    Float.self, Double.self, Half.self, BFloat16.self, Int8.self, Int16.self, Int32.self,
    Int64.self, UInt8.self, UInt16.self, UInt32.self, UInt64.self, Flag.self,
  ]

  /// Bytes of every kind: for reals, infinities, NaN of all signs and payloads, zeros, subnormals.
  private func odd(_ type: ElementType, _ count: Int, _ seed: UInt64) -> [UInt8] {
    let random = (sampleFloats(2 * count, seed) + [0]).span.elementBytes
    var bytes = Array(Bytes.array(random).prefix(count * type.byteWidth))
    if type == .bool { return bytes.map { $0 & 1 } }
    let width = type.byteWidth
    let special: [[UInt8]] = [
      [0, 0x80], [0, 0], [0x80, 0x7f], [0x80, 0xff], [0xc1, 0x7f], [0x81, 0xff], [0, 0x7c],
      [0x01, 0xfc], [0xf0, 0x7f], [0xf8, 0xff], [1, 0], [0xff, 0xff],
    ]
    for (at, ending) in special.enumerated() where width > 1 && 3 * at + 2 < count {
      // Against an ordinary value, and both ways against another special one.
      for element in [3 * at, 3 * at + 1 + Int(seed % 2)] {
        for byte in 0..<width { bytes[element * width + byte] = 0 }
        bytes[element * width + width - 2] = ending[0]
        bytes[element * width + width - 1] = ending[1]
      }
    }
    return bytes
  }

  @Test(
    "every build writes the plain loop's bits, from bytes in any alignment",
    arguments: types.indices)
  func sameBits(type: Int) {
    func check<Element: FoldableElement>(_: Element.Type) {
      for count in [0, 1, 7, 100, 1001] {
        let (x, y) = (odd(Element.elementType, count, 1), odd(Element.elementType, count, 2))
        let shifted = [9] + x
        let source = shifted.span.extracting(1...).elementBytes
        for fold in Fold.allCases {
          func run(_ build: KernelBuild) -> [UInt8] {
            var target: [Element] = Bytes.values(in: y.span.elementBytes)
            var view = target.mutableSpan
            Kernels.fold(fold, bytes: source, into: &view, build: build)
            return Bytes.array(target.span.elementBytes)
          }
          let plain = run(.plain)
          #expect(run(.best) == plain, "\(Element.self) \(fold)")
          #expect(run(.generic) == plain, "\(Element.self) \(fold)")
          let first: [Element] = Bytes.values(in: y.span.elementBytes)
          var (values, bytes) = (first, [UInt8](repeating: 0, count: y.count + 1))
          var view = values.mutableSpan
          Kernels.fold(fold, first.span, bytes: source, into: &view)
          #expect(Bytes.array(values.span.elementBytes) == plain, "\(Element.self) \(fold)")
          var all = bytes.mutableSpan
          var odd = all._mutatingExtracting(1...)
          Kernels.fold(fold, first.span, bytes: source, intoBytes: &odd)
          #expect(Array(bytes[1...]) == plain, "\(Element.self) \(fold)")
        }
      }
    }
    check(Self.types[type])
  }

  @Test("a NaN wins and becomes the one quiet NaN; -0 is below 0")
  func reals() {
    let odd = Float(bitPattern: 0xffc1_2345)
    for fold in Fold.allCases {
      for (a, b) in [(odd, 1), (1, odd), (odd, -odd)] as [(Float, Float)] {
        #expect(Float.fold(fold, a, b).bitPattern == 0x7fc0_0000, "\(fold)")
      }
      #expect(Half.fold(fold, Half(bitPattern: 0xfe01), Half(1)).bitPattern == 0x7e00)
      #expect(BFloat16.fold(fold, BFloat16(bitPattern: 0xffc1), BFloat16(1)).bitPattern == 0x7fc0)
      #expect(Double.fold(fold, -.nan, 1).bitPattern == 0x7ff8_0000_0000_0000)
    }
    #expect(Float.fold(.sum, .infinity, -.infinity).bitPattern == 0x7fc0_0000)
    for (a, b) in [(0, -0.0), (-0.0, 0)] as [(Float, Float)] {
      #expect(Float.fold(.min, a, b).sign == .minus && Float.fold(.max, a, b).sign == .plus)
    }
    #expect(Float.fold(.max, -.infinity, 3) == 3 && Float.fold(.min, .infinity, -3) == -3)
  }

  @Test("whole numbers wrap, and divide toward zero; flags are or, and")
  func whole() {
    #expect(Int8.fold(.sum, 127, 1) == -128 && UInt16.fold(.product, 300, 300) == 24464)
    #expect(Int64.fold(.product, .min, -1) == .min && UInt64.fold(.sum, .max, 2) == 1)
    #expect(Int8(-7).over(2) == -3 && Int8(-128).over(128) == -1 && Int8(100).over(1000) == 0)
    #expect(UInt64.max.over(3) == 0x5555_5555_5555_5555 && Int8(100).times(3) == 44)
    let (no, yes) = (Flag(false), Flag(true))
    #expect(Flag.fold(.sum, no, yes) == yes && Flag.fold(.max, no, yes) == yes)
    #expect(Flag.fold(.product, no, yes) == no && Flag.fold(.min, yes, yes) == yes)
  }

  @Test("types have the numbers that the C loops know")
  func numbers() {
    for type in ElementType.allCases { #expect(ElementType(number: type.number) == type) }
    #expect(ElementType(number: 0) == nil && ElementType(number: 14) == nil)
    #expect(Set(ElementType.allCases.map(\.number)) == Set(1...13))
  }
}
