// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Foundation
import Testing

@Suite("Strands over TCP", .serialized)
struct StrandsTests {
  static func settings(
    _ strands: Int, sealing: LinkSettings.Sealing = .encrypted
  ) -> LinkSettings {
    var settings = Peer.settings()
    settings.sealing = sealing
    settings.strands = strands
    return settings
  }

  /// So many bulk frames, each of its own size and content.
  static func frames(_ count: Int, seed: UInt64) -> [Frame] {
    var generator = SplitMix64(Seed(seed))
    return (0..<count).map { i in
      let size = 1 + Int.random(in: 0..<300_000, using: &generator)
      return Frame(
        i % 5 == 4 ? .catchUp : .exchange,
        [UInt8](repeating: UInt8(i & 0x7F), count: size))
    }
  }

  static func linked(
    _ strands: Int, dialler: Int = 0, sealing: LinkSettings.Sealing = .encrypted
  ) throws -> [Peer] {
    let peers = try (0..<2).map { _ in try Peer(settings: settings(strands, sealing: sealing)) }
    peers[dialler].perform(.dial(peers[1 - dialler].address))
    peers[0].waitForLink(to: peers[1])
    peers[1].waitForLink(to: peers[0])
    return peers
  }

  /// Until both sides report so many strands; the sender has to have bulk that waits.
  static func waitForStrands(_ count: Int, _ peers: [Peer]) {
    let deadline = Date.now.addingTimeInterval(Peer.patience)
    let bulk = Frame(.exchange, Array(repeating: 1, count: 8 << 20))
    while peers.contains(where: { $0.loop.links.first?.strands != count }) {
      guard Date.now < deadline else {
        Issue.record("\(peers.map { $0.loop.links.first?.strands ?? -1 }) strands, not \(count)")
        return
      }
      for (a, b) in [(0, 1), (1, 0)] {
        let before = peers[b].frames.count
        peers[a].perform(.send(peers[b].id, bulk))
        peers[b].wait(for: "bulk") { $0.frames.count > before }
      }
    }
  }

  @Test(
    "bulk keeps its order over many connections, whichever side dialled",
    arguments: [1, 4, 16], [(0, LinkSettings.Sealing.encrypted), (1, .encrypted), (0, .clear)])
  func order(strands: Int, way: (dialler: Int, sealing: LinkSettings.Sealing)) throws {
    let peers = try Self.linked(strands, dialler: way.dialler, sealing: way.sealing)
    defer { for peer in peers { peer.stop() } }
    Self.waitForStrands(strands, peers)
    let before = peers[1].frames.count
    let sent = Self.frames(60, seed: 5)
    let id = peers[1].id
    peers[0].loop.post { _, _ in sent.map { LinkAction.send(id, $0) } }
    peers[1].wait(for: "frames") { $0.frames.count == before + sent.count }
    #expect(Array(peers[1].frames.dropFirst(before)) == sent)
  }

  @Test("what is urgent is never overtaken by bulk sent after it")
  func urgentFirst() throws {
    let peers = try Self.linked(4)
    defer { for peer in peers { peer.stop() } }
    Self.waitForStrands(4, peers)
    let before = peers[1].frames.count
    var sent: [Frame] = []
    for i in 0..<200 {
      sent.append(Frame(i % 2 == 0 ? .membership : .exchange, [UInt8(i), 0, 0]))
    }
    let (id, frames) = (peers[1].id, sent)
    peers[0].loop.post { _, _ in frames.map { LinkAction.send(id, $0) } }
    peers[1].wait(for: "frames") { $0.frames.count == before + frames.count }
    let got = peers[1].frames.dropFirst(before).map { Int($0.payload[0]) }
    for (place, i) in got.enumerated() where i % 2 == 1 {
      #expect(got[..<place].count { $0 % 2 == 0 && $0 < i } == (i + 1) / 2, "bulk \(i) at \(place)")
    }
  }

  @Test("a link whose strands are cut goes down whole, comes up again, and loses no order")
  func cut() throws {
    let peers = try (0..<2).map { _ in try Peer(settings: Self.settings(3)) }
    defer { for peer in peers { peer.stop() } }
    let proxy = try Proxy(to: peers[1].address)
    defer { proxy.stop() }
    peers[0].perform(.dial(proxy.address))
    peers[0].waitForLink(to: peers[1])
    peers[1].waitForLink(to: peers[0])
    Self.waitForStrands(3, peers)
    proxy.cut()
    peers[0].wait(for: "return") { $0.events.count >= 3 }
    peers[0].waitForLink(to: peers[1])
    peers[1].waitForLink(to: peers[0])
    #expect(peers[0].losses.count == 1)
    Self.waitForStrands(3, peers)
  }

  @Test("what waits on all strands when a peer stops still arrives, before the link is down")
  func lastBytes() throws {
    var settings = Self.settings(4)
    // No ping crosses the end.
    settings.heartbeatInterval = .seconds(30)
    let peers = try (0..<2).map { _ in try Peer(settings: settings) }
    defer { peers[1].stop() }
    peers[0].perform(.dial(peers[1].address))
    peers[0].waitForLink(to: peers[1])
    peers[1].waitForLink(to: peers[0])
    let before = 6
    let (id, bulk) = (peers[1].id, Frame(.exchange, Array(repeating: 1, count: 4 << 20)))
    for i in 1...before {
      peers[0].perform(.send(id, bulk))
      peers[1].wait(for: "bulk") { $0.frames.count == i }
    }
    let sent = Self.frames(60, seed: 6)
    peers[0].loop.post { _, _ in sent.map { LinkAction.send(id, $0) } }
    peers[0].stop()
    peers[1].wait(for: "loss") { !$0.losses.isEmpty }
    #expect(Array(peers[1].frames.dropFirst(before)) == sent)
  }

  @Test("a caller with a made-up strand is cut off, and the link goes on")
  func strangers() throws {
    let peers = try Self.linked(2)
    defer { for peer in peers { peer.stop() } }
    Self.waitForStrands(2, peers)
    let keys = StrandKeys(kind: .aes256GCM, secrets: [1], hash: [2])
    for index in UInt8(0)..<20 {
      let hello = StrandGreeting(
        dialling: keys, index: index, nonce: Array(repeating: index, count: 32), place: "")
      for peer in peers {
        var raw = try RawSocket(to: peer.address)
        raw.send(hello.outgoing)
        #expect(raw.readToEnd() == [])
      }
    }
    #expect(peers.allSatisfy { $0.losses.isEmpty && $0.loop.links.first?.strands == 2 })
    let before = peers[1].frames.count
    peers[0].perform(.send(peers[1].id, Frame(.exchange, [1])))
    peers[1].wait(for: "frame") { $0.frames.count == before + 1 }
  }
}
