// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryTensors
import Testing

@Suite("BFloat16Codec")
struct BFloat16CodecTests {
  @Test("a finite value above the greatest bf16 is refused by name")
  func outOfRange() throws {
    var values = [Float](repeating: 1, count: 5000)
    values[4500] = -3.4e38
    do throws(CodecError) {
      _ = try BFloat16Codec().encode(values, seed: Seed(0))
      Issue.record("took -3.4e38")
    } catch {
      #expect(error.index == 4500)
      #expect(
        error.description
          == "value-out-of-range: value 4500 is -3.4e+38, above the greatest bf16 3.3895314e+38 "
          + "(codec bf16). Use f32, or look for the step that diverged.")
    }
  }

  @Test("an infinity in the bytes is refused by place")
  func malformed() throws {
    var bytes = [UInt8](repeating: 0, count: 10_000)
    bytes[9_001] = 0x7f
    bytes[9_000] = 0x80
    do throws(CodecError) {
      _ = try BFloat16Codec().decode(bytes, count: 5_000)
      Issue.record("took an infinity")
    } catch {
      #expect(
        error.description
          == "encoding-malformed: an infinity or NaN, which no encoder writes "
          + "(codec bf16, value 4500). "
          + "The bytes were damaged or made by another version; ask for them again.")
    }
  }
}
