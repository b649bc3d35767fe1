// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Foundation
import Testing

@Suite("Links over TCP", .serialized)
struct LinkLoopTests {
  @Test("two peers link, and both know who, which life and where")
  func links() throws {
    let (a, b) = (try Peer(), try Peer(settings: Peer.settings(2)))
    defer { a.stop(); b.stop() }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    b.waitForLink(to: a)
    guard case .linked(let member, let address) = b.events[0] else {
      Issue.record("\(b.events)")
      return
    }
    #expect(member == Member(id: a.id, incarnation: 1))
    #expect(address == a.address)
  }

  @Test(
    "frames of every size arrive whole, in order, with their purpose",
    arguments: [LinkSettings.Sealing.encrypted, .clear], [true, false])
  func frames(sealing: LinkSettings.Sealing, aes: Bool) throws {
    var settings = Peer.settings()
    settings.sealing = sealing
    settings.hasAES = aes
    let (a, b) = (try Peer(settings: settings), try Peer(settings: settings))
    defer { a.stop(); b.stop() }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    let sizes = [0, 1, 2, 65_530, 65_531, 65_532, 131_067, 1 << 20, 8 << 20, 3]
    var generator = SplitMix64(Seed(1))
    let sent = sizes.enumerated().map { i, size in
      Frame(
        Purpose.allCases[i % 5],
        (0..<size).map { _ in UInt8(truncatingIfNeeded: generator.next()) & 0x7F })
    }
    let (actions) = sent.map { LinkAction.send(b.id, $0) }
    a.loop.post { _, _ in actions }
    b.wait(for: "frames") { $0.frames.count == sizes.count }
    #expect(b.frames == sent)
    // And back, by the echo.
    let marked = sent.map { Frame($0.purpose, [Peer.Recorder.echo] + $0.payload) }
    let marks = marked.map { LinkAction.send(b.id, $0) }
    a.loop.post { _, _ in marks }
    a.wait(for: "echoes") { $0.frames.count == sizes.count }
    #expect(a.frames == sent.map { Frame($0.purpose, [0] + $0.payload) })
  }

  @Test("a peer that ends is reported gone, not merely closed")
  func gone() throws {
    let (a, b) = (try Peer(), try Peer())
    defer { a.stop() }
    a.perform(.dial(b.address))
    a.waitForLink(to: b)
    b.waitForLink(to: a)
    b.stop()
    a.wait(for: "loss") { !$0.losses.isEmpty }
    #expect(a.losses == [.processGone])
  }
}
