// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation
import Testing

/// The six faces of a cube of floats, packed and unpacked as slices, against one float at a time.
@Suite("Benchmarks", .serialized)
struct HaloBenchmarks {
  static let full = ProcessInfo.processInfo.environment["FERRY_BENCH"] == "1"
  private let edge = full ? 64 : 6
  private let rounds = full ? 200 : 2

  @Test("the faces of 64³ cells: as slices, and one float at a time")
  func faces() throws {
    let side = edge + 2
    let cells = (0..<side * side * side).map { Float($0 % 977) }
    let slices = try (0..<3).flatMap { axis in
      try [1, edge].map { at in
        try TensorSlice(
          .f32, of: [side, side, side],
          (0..<3).map { $0 == axis ? at..<at + 1 : 1..<edge + 1 })
      }
    }
    var ratios: [String: Double] = [:]
    for (number, slice) in slices.enumerated() where number % 2 == 0 {
      var (fast, slow) = ([Float](repeating: 0, count: edge * edge), [Float]())
      slow = fast
      let ours = median {
        var view = fast.mutableSpan
        slice.gather(cells.span, into: &view)
      }
      let theirs = median { Self.plain(slice, cells, side, into: &slow) }
      #expect(fast == slow)
      ratios["axis \(number / 2)"] = theirs / ours
    }
    if Self.full { print("halo: times as fast as one float at a time: \(ratios)") }
  }

  /// What a program without slices writes: three loops.
  private static func plain(
    _ slice: TensorSlice, _ cells: borrowing [Float], _ side: Int, into out: inout [Float]
  ) {
    let first = slice.block.start / 4
    let (x, y, z) = (slice.shape[0], slice.shape[1], slice.shape[2])
    var at = 0
    for i in 0..<x {
      for j in 0..<y {
        for k in 0..<z {
          out[at] = cells[first + (i * side + j) * side + k]
          at += 1
        }
      }
    }
  }

  private func median(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let times = (0..<rounds).map { _ in clock.measure(body) / .seconds(1) }
    return times.sorted()[rounds / 2]
  }
}
