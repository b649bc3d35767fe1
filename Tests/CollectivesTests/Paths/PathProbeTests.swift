// SPDX-License-Identifier: Apache-2.0

import FerryCollectives
import Testing

@Suite("PathProbe")
struct PathProbeTests {
  /// Trains over a link, each with a speed of its own, until the receiver has heard enough.
  static func probe(
    _ speeds: [Double], trip: Duration? = nil, disturbedAt: Int? = nil
  ) -> (speed: Double?, verdicts: [PathMessage.Verdict], bytes: [Int]) {
    var incoming = IncomingProbe(number: 1)
    var (now, padding, besides) = (Duration.zero, (64 << 10) / PathProbe.framesEach, 0)
    var (verdicts, bytes): ([PathMessage.Verdict], [Int]) = ([], [])
    for (train, speed) in speeds.enumerated() {
      bytes.append(padding * PathProbe.framesEach)
      for index in 0..<PathProbe.framesEach {
        if disturbedAt == train, index == 3 { besides += 1 }
        let frame = PathMessage.Train(
          probe: 1, number: UInt8(train), index: UInt8(index), padding: padding)
        if index > 0 { now += .seconds(Double(padding) / speed) }
        guard let (verdict, found) = incoming.take(frame, besides: besides, trip: trip, at: now)
        else { continue }
        verdicts.append(verdict)
        if verdict == .isKnown { return (found, verdicts, bytes) }
        if verdict == .larger { padding = min(padding * 4, PathProbe.bytesMax / 16) }
      }
    }
    return (nil, verdicts, bytes)
  }

  @Test("a link beyond what counts is known after two short trains")
  func fast() {
    let found = Self.probe([1e9, 2e9])
    #expect(found.speed == 250e6)
    #expect(found.verdicts == [.again, .isKnown] && found.bytes == [64 << 10, 64 << 10])
  }

  @Test("of a slow link, the fastest of three trains that take long enough counts")
  func slow() {
    let found = Self.probe([5e6, 6e6, 3e6])
    #expect(found.verdicts == [.again, .again, .isKnown])
    #expect(abs(found.speed! / 6e6 - 1) < 0.001)
  }

  @Test("trains grow until they take long enough, also where the round trip is long")
  func growth() {
    let near = Self.probe([100e6, 100e6, 120e6, 90e6, 100e6])
    #expect(near.verdicts == [.larger, .larger, .again, .again, .isKnown])
    #expect(near.bytes == [64 << 10, 256 << 10, 1 << 20, 1 << 20, 1 << 20])
    #expect(abs(near.speed! / 120e6 - 1) < 0.001)
    // As TCP opens up.
    let far = Self.probe([1e6, 3e6, 7e6, 8e6, 8e6], trip: .milliseconds(80))
    #expect(far.verdicts == [.larger, .larger, .again, .again, .isKnown])
    #expect(abs(far.speed! / 8e6 - 1) < 0.001)
  }

  @Test("a thread that was kept waiting once, at either end, is not taken for the link")
  func hiccups() {
    let slower = Self.probe([2e6, 240e6, 240e6, 240e6, 240e6])
    #expect(abs(slower.speed! / 240e6 - 1) < 0.001)
    let faster = Self.probe([1e12, 6e6, 6e6, 6e6])
    #expect(abs(faster.speed! / 6e6 - 1) < 0.001)
  }

  @Test("a train among other bytes is not believed")
  func disturbed() {
    let found = Self.probe([6e6, 6e6, 6e6, 6e6], disturbedAt: 0)
    #expect(found.verdicts == [.wasDisturbed, .again, .again, .isKnown])
  }

  @Test("after the last train allowed, the last is believed")
  func atLast() {
    let found = Self.probe(
      [200e6, 200e6, 1e12] + Array(repeating: 6e6, count: 9), trip: .seconds(9))
    #expect(found.verdicts.last == .isKnown && found.verdicts.count <= PathProbe.trainsMax)
    #expect(found.speed != nil)
  }

  @Test("frames that are missing, or come twice, end a train without a word")
  func gaps() {
    var incoming = IncomingProbe(number: 1)
    for index in [0, 1, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] {
      let frame = PathMessage.Train(probe: 1, number: 0, index: UInt8(index), padding: 9)
      #expect(incoming.take(frame, besides: 0, trip: nil, at: .zero) == nil)
    }
  }

  @Test("figures keep within an eighth of a power of two, and noise does not show")
  func figures() {
    var value = 1.0
    while value < 1e15 {
      let code = PathFigure.code(value)
      let ratio = PathFigure.value(code)! / value
      #expect((0.917...1.0906).contains(ratio), "\(value)")
      #expect(PathFigure.code(PathFigure.value(code)!) == code)
      #expect(!PathFigure.differ(code, PathFigure.code(value * 1.09)))
      #expect(PathFigure.differ(code, PathFigure.code(value * 1.5)))
      value *= 1.37
    }
    #expect(PathFigure.value(0) == nil && PathFigure.code(.nan) == 0)
    #expect(PathFigure.code(-1) == 1 && PathFigure.code(.infinity) == 249)
    #expect(PathFigure.differ(0, 1) && !PathFigure.differ(0, 0))
  }
}
