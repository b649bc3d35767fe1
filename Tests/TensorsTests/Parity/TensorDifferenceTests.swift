// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("TensorDifference")
struct TensorDifferenceTests {
  private func floats(_ bits: [UInt32], _ shape: Shape? = nil) -> HostTensor {
    HostTensor(bits.map(Float.init(bitPattern:)), shape: shape)
  }

  @Test("equal bits are no difference, NaN among them, whatever the type")
  func equal() throws {
    let tensors = [
      floats([0x3F80_0000, 0x7FC0_0001, 0x8000_0000]), HostTensor([1.5, .nan] as [Double]),
      HostTensor([-3, 4] as [Int8]), HostTensor([UInt64.max]), HostTensor(flags: [true, false]),
      HostTensor([] as [Float]), HostTensor([Half(1), Half(.nan)]),
    ]
    for tensor in tensors {
      let copy = try HostTensor(
        elementType: tensor.elementType, shape: tensor.shape, copying: tensor.bytes)
      #expect(TensorDifference(tensor, copy) == nil)
    }
  }

  @Test("the first element that differs has its place, bits, values and distance")
  func first() throws {
    let a = HostTensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    let b = HostTensor([1, 2, 3, 4, Float(5).nextUp.nextUp, -6] as [Float], shape: [2, 3])
    let found = try #require(TensorDifference(a, b))
    #expect(found.first.index == 4)
    #expect(found.first.coordinates == [1, 1])
    #expect(found.first.bits == ["0x40a00000", "0x40a00002"])
    #expect(found.first.values == ["5.0", "5.000001"])
    #expect(found.first.ulps == 2)
    #expect(found.differing == 2 && found.count == 6 && found.nanBoth == 0 && found.nanOne == 0)
    // From 6 down to 0 and on to -6.
    #expect(found.ulpsMost == 2 * UInt64(Float(6).bitPattern))
  }

  @Test("zeros of both signs and NaN of other payloads differ, and are told apart from the rest")
  func zerosAndNaN() throws {
    let a = floats([0x0000_0000, 0x7FC0_0000, 0x7FC0_0000, 0x3F80_0000])
    let b = floats([0x8000_0000, 0x7FC0_0001, 0x3F80_0000, 0xFFC0_0000])
    let found = try #require(TensorDifference(a, b))
    #expect(found.differing == 4 && found.nanBoth == 1 && found.nanOne == 2)
    #expect(found.first.values == ["0.0", "-0.0"] && found.first.ulps == 0)
    #expect(found.ulpsMost == 0)
    let alone = try #require(TensorDifference(floats([0x7FC0_0000]), floats([0x7F80_0000])))
    #expect(alone.first.ulps == nil && alone.ulpsMost == nil)
    #expect(alone.first.values == ["nan", "inf"])
  }

  @Test("the distance of neighbors is one step in every type")
  func neighbors() throws {
    func expect(
      _ a: HostTensor, _ b: HostTensor, bits: [String], values: [String], ulps: UInt64 = 1
    ) throws {
      let found = try #require(TensorDifference(a, b))
      #expect(found.first.bits == bits && found.first.values == values)
      #expect(found.first.ulps == ulps, "\(a.elementType)")
    }
    let smallest = Float.leastNonzeroMagnitude
    try expect(
      HostTensor([smallest]), HostTensor([-smallest]), bits: ["0x00000001", "0x80000001"],
      values: ["1e-45", "-1e-45"], ulps: 2)
    try expect(
      HostTensor([Float.greatestFiniteMagnitude]), HostTensor([Float.infinity]),
      bits: ["0x7f7fffff", "0x7f800000"], values: ["3.4028235e+38", "inf"])
    try expect(
      HostTensor([1.0]), HostTensor([Double(1).nextDown]),
      bits: ["0x3ff0000000000000", "0x3fefffffffffffff"], values: ["1.0", "0.9999999999999999"])
    try expect(
      HostTensor([Half(1)]), HostTensor([Half(bitPattern: 0x3C01)]), bits: ["0x3c00", "0x3c01"],
      values: ["1.0", "1.0009766"])
    try expect(
      HostTensor([BFloat16(-1)]), HostTensor([BFloat16(bitPattern: 0xBF81)]),
      bits: ["0xbf80", "0xbf81"], values: ["-1.0", "-1.0078125"])
    try expect(
      HostTensor([-1] as [Int8]), HostTensor([0] as [Int8]), bits: ["0xff", "0x00"],
      values: ["-1", "0"])
    try expect(
      HostTensor([Int64.min]), HostTensor([Int64.max]),
      bits: ["0x8000000000000000", "0x7fffffffffffffff"],
      values: ["-9223372036854775808", "9223372036854775807"], ulps: .max)
    try expect(
      HostTensor([7] as [UInt16]), HostTensor([9] as [UInt16]), bits: ["0x0007", "0x0009"],
      values: ["7", "9"], ulps: 2)
    try expect(
      HostTensor(flags: [true]), HostTensor(flags: [false]), bits: ["0x01", "0x00"],
      values: ["true", "false"])
  }
}
