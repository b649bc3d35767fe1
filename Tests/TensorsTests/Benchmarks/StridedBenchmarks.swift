// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation
import Testing

/// Packing and unpacking against what a program without it would do, as ratios in one run.
///
/// Tiny by default; `FERRY_BENCH=1 FERRY_ROOM=Tensors swift test -c release --filter Benchmarks`
/// runs objects of 1 KiB to 4 MiB in blocks of 1 B to 4 KiB, one block apart, and prints one JSON
/// object a line.
@Suite("Benchmarks", .serialized)
struct StridedBenchmarks {
  static let full = ProcessInfo.processInfo.environment["FERRY_BENCH"] == "1"
  private let objects = full ? (0..<7).map { 1024 << (2 * $0) } : [1024]
  private let blocks = full ? (0...12).map { 1 << $0 } : [1, 4, 64, 600]
  private let rounds = full ? 9 : 1

  private typealias Copy = (StridedBlock, [UInt8], inout [UInt8]) -> Void

  @Test("2-D objects: words against one byte or float at a time, and against a copy a block")
  func sweep() throws {
    var ratios: [String: [Double]] = [:]
    for object in objects {
      for block in blocks {
        let count = max(1, object / block)
        let layout = try StridedBlock(byteCount: block)
          .hvector(count: count, blockLength: 1, byteStride: 2 * block)
        let memory = (0..<layout.extent).map { UInt8(truncatingIfNeeded: $0 &* 167 >> 3) }
        var packed = [UInt8](repeating: 0, count: layout.byteCount)
        pack(layout, memory, &packed)
        var target = memory
        let float = min(block, 4)
        let ways: [(String, Copy)] = [
          ("words", pack),
          ("bytes", { Self.walk($0, $1, &$2, unit: 1, isElement: true, packs: true) }),
          ("floats", { Self.walk($0, $1, &$2, unit: float, isElement: true, packs: true) }),
          ("blocks", { Self.walk($0, $1, &$2, unit: block, isElement: false, packs: true) }),
        ]
        let back: [(String, Copy)] = [
          ("words", unpack),
          ("bytes", { Self.walk($0, $1, &$2, unit: 1, isElement: true, packs: false) }),
          ("floats", { Self.walk($0, $1, &$2, unit: float, isElement: true, packs: false) }),
          ("blocks", { Self.walk($0, $1, &$2, unit: block, isElement: false, packs: false) }),
        ]
        for (direction, ways) in [("pack", ways), ("unpack", back)] {
          var seconds: [String: Double] = [:]
          for (way, copy) in ways {
            if direction == "pack" {
              let expected = packed
              packed = [UInt8](repeating: 0, count: layout.byteCount)
              seconds[way] = measure(object) { copy(layout, memory, &packed) }
              #expect(packed == expected)
            } else {
              target = [UInt8](repeating: 0, count: memory.count)
              seconds[way] = measure(object) { copy(layout, packed, &target) }
              #expect(layout.offsets.allSatisfy { target[$0] == memory[$0] })
            }
          }
          let bytes = seconds["bytes"]! / seconds["words"]!
          let floats = seconds["floats"]! / seconds["words"]!
          let each = seconds["blocks"]! / seconds["words"]!
          ratios["\(direction) bytes", default: []].append(bytes)
          ratios["\(direction) floats", default: []].append(floats)
          ratios["\(direction) blocks", default: []].append(each)
          if block < 64 { ratios["\(direction) blocks under 64 B", default: []].append(each) }
          report(
            String(
              format: #"{"name":"%@","bytes":%d,"block":%d,"gigabytesASecond":%.2f,"#
                + #""timesBytes":%.1f,"timesFloats":%.1f,"timesBlocks":%.2f}"#,
              direction, layout.byteCount, block,
              Double(layout.byteCount) / seconds["words"]! / 1e9,
              bytes, floats, each))
        }
      }
    }
    for (name, values) in ratios.sorted(by: { $0.key < $1.key }) {
      let sorted = values.sorted()
      report(
        String(
          format: #"{"name":"%@","median":%.2f,"least":%.2f,"most":%.2f}"#, name,
          sorted[sorted.count / 2], sorted.first!, sorted.last!))
    }
  }

  @Test("contiguous layouts against memcpy")
  func contiguous() {
    for object in objects {
      let layout = StridedBlock(byteCount: object)
      let memory = (0..<object).map { UInt8(truncatingIfNeeded: $0) }
      var packed = [UInt8](repeating: 0, count: object)
      // In turns, so that both meet the same load.
      var ours: [Double] = []
      var floor: [Double] = []
      for _ in 0..<rounds {
        ours.append(measure(object) { pack(layout, memory, &packed) })
        floor.append(
          measure(object) {
            var view = packed.mutableSpan
            Bytes.copy(memory.span.elementBytes, into: &view)
          })
      }
      #expect(packed == memory)
      let (mine, least) = (ours.sorted()[rounds / 2], floor.sorted()[rounds / 2])
      report(
        String(
          format: #"{"name":"contiguous","bytes":%d,"gigabytesASecond":%.2f,"timesMemcpy":%.2f}"#,
          object, Double(object) / mine / 1e9, least / mine))
    }
  }

  private func pack(_ layout: StridedBlock, _ memory: [UInt8], _ packed: inout [UInt8]) {
    var view = packed.mutableSpan
    layout.pack(memory.span.elementBytes, into: &view)
  }

  private func unpack(_ layout: StridedBlock, _ packed: [UInt8], _ target: inout [UInt8]) {
    var view = target.mutableSpan
    layout.unpack(packed.span.elementBytes, into: &view)
  }

  /// What any layout needs without words: counts through all levels, and copies `unit` bytes at a
  /// time, an element by itself or a block with `memcpy`, whose length it learns when it runs.
  private static func walk(
    _ layout: StridedBlock, _ source: [UInt8], _ target: inout [UInt8], unit: Int, isElement: Bool,
    packs: Bool
  ) {
    let counts = [layout.counts[0] / unit] + layout.counts.dropFirst()
    let strides = [unit] + layout.strides.dropFirst()
    var at = [Int](repeating: 0, count: counts.count)
    unsafe source.withUnsafeBytes { from in
      unsafe target.withUnsafeMutableBytes { to in
        var (wide, packed) = (layout.start, 0)
        while true {
          // SAFETY: both arrays were made for the layout.
          let x = unsafe from.baseAddress! + (packs ? wide : packed)
          let y = unsafe to.baseAddress! + (packs ? packed : wide)
          switch isElement ? unit : 0 {
          case 1: unsafe y.storeBytes(of: x.loadUnaligned(as: UInt8.self), as: UInt8.self)
          case 2: unsafe y.storeBytes(of: x.loadUnaligned(as: UInt16.self), as: UInt16.self)
          case 4: unsafe y.storeBytes(of: x.loadUnaligned(as: UInt32.self), as: UInt32.self)
          default: unsafe memcpy(y, x, unit)
          }
          packed += unit
          var level = 0
          while level < counts.count {
            wide += strides[level]
            at[level] += 1
            if at[level] < counts[level] { break }
            at[level] = 0
            wide -= strides[level] * counts[level]
            level += 1
          }
          if level == counts.count { return }
        }
      }
    }
  }

  /// Seconds of one call: the median of some rounds, each of many calls where the object is small.
  private func measure(_ bytes: Int, _ body: () -> Void) -> Double {
    let calls = Self.full ? max(1, (256 << 10) / bytes) : 1
    body()
    var seconds: [Double] = []
    for _ in 0..<rounds {
      let took = ContinuousClock().measure { for _ in 0..<calls { body() } }
      seconds.append(took / .seconds(1) / Double(calls))
    }
    return seconds.sorted()[seconds.count / 2]
  }

  private func report(_ line: String) { if Self.full { print(line) } }
}
