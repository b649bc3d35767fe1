// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Testing

@Suite("Shares of a line")
struct LineShareTests {
  /// A second in which so many links lost so many of a thousand segments.
  private static func second(_ bytes: Int, _ links: Int, lost: Int, _ line: inout LineShare) {
    line.measured(bytes: bytes, over: .seconds(1), links: links, resent: lost, of: 1000)
  }

  @Test("no link is held back until several lose much together")
  func nothingKnown() {
    var line = LineShare()
    #expect(line.each(of: 3) == nil)
    Self.second(20_000_000, 3, lost: 20, &line)
    Self.second(20_000_000, 1, lost: 500, &line)
    line.measured(bytes: 1, over: .zero, links: 3, resent: 9, of: 10)
    // The system began to count anew.
    line.measured(bytes: 1, over: .seconds(1), links: 3, resent: -1, of: -1000)
    line.measured(bytes: 1, over: .seconds(1), links: 3, resent: 9, of: -10)
    line.measured(bytes: 1, over: .seconds(1), links: 3, resent: -9, of: -1000)
    #expect(line == LineShare())
    Self.second(20_000_000, 3, lost: 21, &line)
    #expect(line.speed == 20_000_000)
  }

  @Test("each gets its part of what was carried and a little more; a link alone goes as it can")
  func shares() throws {
    var line = LineShare()
    Self.second(20_000_000, 2, lost: 100, &line)
    #expect(line.each(of: 1) == nil)
    #expect(line.each(of: 0) == nil)
    for links in [2, 3, 10] {
      #expect(try #require(line.each(of: links)) * Double(links) == 21_000_000)
    }
  }

  @Test("a line that has become faster is found, and one that has become slower")
  func follows() throws {
    var line = LineShare()
    Self.second(10_000_000, 3, lost: 100, &line)
    // What is sent is what the shares allow, until the line is full again.
    for _ in 0..<40 {
      let sent = try #require(line.each(of: 3)) * 3
      let isFull = sent > 40_000_000
      Self.second(Int(min(sent, 40_000_000)), 3, lost: isFull ? 40 : 0, &line)
    }
    #expect(line.speed == 40_000_000)
    // Somebody else has half of it.
    for _ in 0..<20 { Self.second(20_000_000, 3, lost: 100, &line) }
    #expect(line.speed == 20_000_000)
    // By a tenth at a time: the exchange may have ended amid it.
    var short = line
    Self.second(1_000_000, 3, lost: 100, &short)
    #expect(short.speed == 18_000_000)
    // Less to send is not a slower line.
    Self.second(1_000_000, 3, lost: 0, &line)
    #expect(line.speed == 20_000_000)
  }
}
