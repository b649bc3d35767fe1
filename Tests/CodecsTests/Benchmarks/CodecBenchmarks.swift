// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryTensors
import Foundation
import Testing

/// Codecs and kernels against `memcpy` of the same floats, as ratios in one run.
///
/// Tiny by default; `FERRY_BENCH=1 FERRY_ROOM=Codecs swift test -c release --filter Benchmarks`
/// runs 16 Mi floats and prints one JSON object a line.
@Suite("Benchmarks", .serialized)
struct CodecBenchmarks {
  static let full = ProcessInfo.processInfo.environment["FERRY_BENCH"] == "1"
  let count = full ? 16 << 20 : 1000
  let rounds = full ? 15 : 1

  @Test("codecs encode, decode and accumulate")
  func codecs() throws {
    let values = sampleFloats(count, 1)
    var target = [Float](repeating: 0, count: count)
    let floor = copyFloor(values)
    for kind in CodecKind.allCases {
      let codec = kind.codec()
      var bytes = [UInt8](repeating: 0, count: codec.byteCount(for: count))
      let encode = try measure {
        var view = bytes.mutableSpan
        try codec.encode(values.span, seed: Seed(1), into: &view)
      }
      let decode = try measure {
        var view = target.mutableSpan
        try codec.decode(bytes.span, into: &view)
      }
      let add = try measure {
        var view = target.mutableSpan
        try codec.accumulate(bytes.span, into: &view)
      }
      let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01b3
      }
      report("codec \(kind.rawValue) encode", encode, floor, hash)
      report("codec \(kind.rawValue) decode", decode, floor, hash)
      report("codec \(kind.rawValue) accumulate", add, floor, hash)
    }
  }

  @Test("kernels")
  func kernels() {
    let x = sampleFloats(count, 1)
    var y = sampleFloats(count, 2)
    let floor = copyFloor(x)
    for build in KernelBuild.allCases {
      let name = build == .best ? KernelBuild.bestName : "\(build)"
      let accumulate = measure {
        var view = y.mutableSpan
        Kernels.accumulate(x.span, into: &view, build: build)
      }
      report("accumulate \(name)", accumulate, floor, 0)
      let finite = measure { #expect(Kernels.firstNonFinite(x.span, build: build) == nil) }
      report("all finite \(name)", finite, floor, 0)
      var half = [Half](repeating: Half(0), count: count)
      let narrow = measure {
        var view = half.mutableSpan
        Kernels.narrow(x.span, into: &view, build: build)
      }
      report("f32 to f16 \(name)", narrow, floor, 0)
      for rounding in [Int8Blocks.Rounding.nearest, .stochastic(seed: 1)] {
        var bytes = [UInt8](repeating: 0, count: Int8Blocks(block: 256).byteCount(for: count))
        let encode = measure {
          var view = bytes.mutableSpan
          _ = Int8Blocks(block: 256).encode(x.span, rounding: rounding, into: &view, build: build)
        }
        report("int8 \(rounding) \(name)", encode, floor, 0)
      }
    }
  }

  private func copyFloor(_ values: [Float]) -> [Double] {
    var copy = [UInt8](repeating: 0, count: count * 4)
    return measure {
      var view = copy.mutableSpan
      Bytes.copy(values.span.elementBytes, into: &view)
    }
  }

  /// Seconds of each round, sorted, after one that does not count.
  private func measure(_ body: () throws -> Void) rethrows -> [Double] {
    try body()
    var seconds: [Double] = []
    for _ in 0..<rounds {
      let took = try ContinuousClock().measure(body)
      seconds.append(took / .seconds(1))
    }
    return seconds.sorted()
  }

  private func report(_ name: String, _ seconds: [Double], _ floor: [Double], _ hash: UInt64) {
    guard Self.full else { return }
    let p50 = seconds[seconds.count / 2]
    let p90 = seconds[seconds.count * 9 / 10]
    let gigabytes = Double(count) * 4 / p50 / 1e9
    print(
      String(
        format: #"{"name":"%@","floats":%d,"p50Milliseconds":%.2f,"p90Milliseconds":%.2f,"#
          + #""gigabytesOfFloatsASecond":%.2f,"timesMemcpy":%.2f,"hash":"%016llx"}"#,
        name, count, p50 * 1e3, p90 * 1e3, gigabytes, p50 / floor[floor.count / 2], hash))
  }
}
