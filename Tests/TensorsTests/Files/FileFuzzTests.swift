// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Testing

@Suite("Files from strangers")
struct FileFuzzTests {
  @Test("20,000 damaged safetensors files are read or refused, never more")
  func safetensors() throws {
    let valid = [
      try Golden.bytes("floats.safetensors"), try Golden.bytes("every-type.safetensors"),
    ]
    let (refused, read) = fuzz(valid, times: 20_000) { bytes throws(TensorError) in
      let tensors = try Safetensors.decode(bytes.span.elementBytes, path: "fuzz")
      return tensors.tensors.reduce(0) { $0 + $1.tensor.byteCount } <= bytes.count
    }
    try #require(refused > 5_000 && read > 300, "\(refused) refused, \(read) read")
  }

  @Test("20,000 damaged npy files are read or refused, never more")
  func npy() throws {
    let valid = [try Golden.bytes("f32.npy"), try Golden.bytes("fortran-deep.npy")]
    let (refused, read) = fuzz(valid, times: 20_000) { bytes throws(TensorError) in
      try Npy.decode(bytes.span.elementBytes, path: "fuzz").byteCount <= bytes.count
    }
    try #require(refused > 5_000 && read > 300, "\(refused) refused, \(read) read")
  }

  /// Damages valid files: bits, bytes, digits, cuts, repeats and moves; counts refusals and reads.
  private func fuzz(
    _ valid: [[UInt8]], times: Int, _ read: ([UInt8]) throws(TensorError) -> Bool
  ) -> (refused: Int, read: Int) {
    var random = SplitMix64(Seed(0xf022))
    var counts = (refused: 0, read: 0)
    for time in 0..<times {
      var bytes = valid[time % valid.count]
      for _ in 0..<Int.random(in: 1...3, using: &random) { damage(&bytes, &random) }
      do throws(TensorError) {
        #expect(try read(bytes), "mutation \(time)")
        counts.read += 1
      } catch { counts.refused += 1 }
    }
    return counts
  }

  private func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    guard !bytes.isEmpty else { return }
    let at = Int.random(in: 0..<bytes.count, using: &random)
    let end = min(bytes.count, at + Int.random(in: 1...16, using: &random))
    switch Int.random(in: 0..<7, using: &random) {
    case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
    case 2: bytes[at] = UInt8.random(in: 0x30...0x39, using: &random)
    case 3: bytes.removeSubrange(at..<end)
    case 4: bytes.insert(contentsOf: bytes[at..<end], at: at)
    case 5: bytes.removeLast(bytes.count - at)
    default: bytes[min(at, 8)] = UInt8.random(in: 0...255, using: &random)
    }
  }
}
