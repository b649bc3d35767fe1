// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Testing

@Suite("Fingerprint")
struct FingerprintTests {
  static let lengths = [0, 1, 3, 4, 2047, 2048, 2049, 4095, 4096, 4097, 20_000]

  private func sums(_ bytes: [UInt8], _ build: KernelBuild = .best, seed: UInt64 = 1) -> [UInt64] {
    Fingerprint(seed: Seed(seed)).sums(of: bytes.span.elementBytes, build: build)
  }

  private func noise(_ count: Int) -> [UInt8] {
    var chance = SplitMix64(Seed(UInt64(count)))
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
  }

  @Test("every build gives the plain sums, at any alignment", arguments: lengths)
  func builds(length: Int) {
    let bytes = noise(length)
    let plain = sums(bytes, .plain)
    #expect(plain.count == (length + 4095) / 4096 * 2)
    for build in KernelBuild.allCases {
      #expect(sums(bytes, build) == plain)
      let shifted = [7] + bytes
      let unaligned = shifted.span.extracting(1..<shifted.count).elementBytes
      #expect(Fingerprint(seed: Seed(1)).sums(of: unaligned, build: build) == plain)
    }
  }

  @Test("any bit changes both sums of its block and no other's; so does another key")
  func sensitivity() {
    let bytes = noise(12_000)
    let before = sums(bytes)
    for at in stride(from: 0, to: bytes.count, by: 31) {
      var changed = bytes
      changed[at] ^= 1 << UInt8(at % 8)
      let after = sums(changed)
      for i in before.indices { #expect((before[i] != after[i]) == (i / 2 == at / 4096)) }
    }
    #expect(zip(before, sums(bytes, seed: 2)).allSatisfy { $0 != $1 })
  }

  @Test("words that change places are told apart")
  func order() {
    let bytes = noise(4096)
    for (a, b) in [(0, 1), (0, 2), (5, 13), (127, 1023)] {
      var changed = bytes
      for byte in 0..<4 { changed.swapAt(4 * a + byte, 4 * b + byte) }
      #expect(sums(changed) != sums(bytes))
    }
  }

  @Test("parts of any size, in any order, with gaps, sum up to the whole", arguments: lengths)
  func parts(length: Int) {
    let bytes = noise(length)
    for part in [1, 400, 2048, 4000, 4096, 6000, 12_000] {
      var own = FingerprintInParts(seed: Seed(1), byteCount: length)
      let starts = Array(stride(from: 0, to: length, by: part))
      // From both ends to the middle, which is left out.
      for k in 0..<starts.count / 2 {
        for start in [starts[k], starts[starts.count - 1 - k]] {
          let end = min(start + part, length)
          own.take(bytes.span.extracting(start..<end).elementBytes, at: start)
        }
      }
      #expect(own.finish(bytes.span.elementBytes) == sums(bytes), "parts of \(part)")
    }
  }

  @Test("what was taken is not looked at again")
  func taken() {
    let bytes = noise(10_000)
    var own = FingerprintInParts(seed: Seed(1), byteCount: bytes.count)
    own.take(bytes.span.extracting(4000..<10_000).elementBytes, at: 4000)
    // The block in which the part began is read at the end, the others are not.
    var later = [UInt8](repeating: 0, count: 10_000)
    later.replaceSubrange(0..<4096, with: bytes[..<4096])
    #expect(own.finish(later.span.elementBytes) == sums(bytes))
  }
}
