// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("HostTensor")
struct HostTensorTests {
  @Test("gives back what it was made of, as its type and as floats")
  func givesBack() throws {
    let tensor = HostTensor([1, -2, 3.5, 0, 5, 6] as [Float], shape: [2, 3])
    #expect(tensor.elementType == .f32)
    #expect(tensor.shape == [2, 3])
    #expect(try tensor.values(of: Float.self) == [1, -2, 3.5, 0, 5, 6])
    #expect(try tensor.span(of: Float.self)[2] == 3.5)
    #expect(try tensor.floats() == [1, -2, 3.5, 0, 5, 6])
    #expect(try HostTensor([1.5, -2] as [Double]).floats() == [1.5, -2])
    #expect(try HostTensor([Half(1.5), Half(-2)]).floats() == [1.5, -2])
    #expect(try HostTensor([BFloat16(1.5), BFloat16(-2)]).floats() == [1.5, -2])
    #expect(try HostTensor([7, -8] as [Int64]).values(of: Int64.self) == [7, -8])
    #expect(try HostTensor(flags: [true, false]).flags() == [true, false])
  }

  @Test("refuses another type, naming both")
  func refusesType() {
    let tensor = HostTensor([1, 2] as [Int32])
    #expect(
      message { _ = try tensor.values(of: Float.self) }
        == "element-type-mismatch: the elements are I32, not F32 (a tensor of shape [2]). "
        + "Ask for I32, or convert with floats().")
    #expect(
      message { _ = try tensor.floats() }
        == "element-type-mismatch: I32 elements are not floating point (a tensor of shape [2]). "
        + "Read them with values(of:).")
    #expect(
      message { _ = try tensor.flags() }
        == "element-type-mismatch: the elements are I32, not BOOL (a tensor of shape [2]). "
        + "Read them with values(of:).")
  }

  @Test("refuses bytes of another number than its shape takes")
  func refusesLength() {
    #expect(
      message {
        _ = try HostTensor(
          elementType: .f32, shape: [2], copying: ([1, 2, 3] as [UInt8]).span.elementBytes)
      }
        == "file-malformed: 3 bytes where F32 [2] takes 8 (a tensor's bytes). "
        + "Pass the bytes of exactly 2 elements.")
  }

  @Test("copies from any alignment into an aligned place")
  func copiesUnaligned() throws {
    let bytes: [UInt8] = [9, 0, 0, 128, 63, 0, 0, 0, 64]
    let tensor = try HostTensor(
      elementType: .f32, shape: [2], copying: bytes.span.extracting(1..<9).elementBytes)
    #expect(try tensor.floats() == [1, 2])
    // SAFETY: the address is only looked at.
    let address = unsafe tensor.bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    #expect(address % 64 == 0)
  }

  @Test func stopsAtAWrongNumberOfValues() async {
    await #expect(processExitsWith: .failure) {
      _ = HostTensor([1, 2, 3] as [Float], shape: [2])
    }
  }
}
