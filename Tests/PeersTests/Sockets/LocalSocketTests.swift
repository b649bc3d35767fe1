// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Foundation
import Testing

#if os(Linux)
  @Suite("Sockets within a machine")
  struct LocalSocketTests {
    private func listener(at host: String) throws -> (Socket, port: UInt16) {
      let address = try SocketAddress.resolve(PeerAddress(host: host, port: 0), .numeric).get()
      let made = try Socket.listening(at: #require(address.first), backlog: 8).get()
      return (made, try #require(made.localAddress).port)
    }

    private func address(_ host: String, _ port: UInt16) throws -> SocketAddress {
      let found = SocketAddress.resolve(PeerAddress(host: host, port: port), .numeric)
      return try #require(found.get().first)
    }

    @Test(
      "whoever dials the address of a listener on this machine finds its second door",
      arguments: [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1")])
    func finds(listens: String, dials: String) throws {
      let (listener, port) = try listener(at: listens)
      let door = try #require(Socket.localListener(beside: listener, backlog: 8))
      let there = try address(dials, port)
      let caller = try #require(Socket.connectingLocally(to: there))
      let called = try #require(door.accepted())
      // Each shows the address that TCP would show.
      #expect(caller.remoteAddress == PeerAddress(host: dials, port: port))
      #expect(called.remoteAddress?.host == dials)
      var sent = ByteQueue(capacity: 8)
      sent.append([1, 2, 3])
      #expect(sent.drain(to: caller) == .bytes(3))
      var came = ByteQueue(capacity: 8)
      #expect(came.fill(from: called, atMost: 8) == .bytes(3))
      #expect(Array(came[0..<3]) == [1, 2, 3])
    }

    @Test("where nobody listens, or it is another machine's address, there is no door")
    func nobody() throws {
      let (listener, port) = try listener(at: "0.0.0.0")
      #expect(Socket.connectingLocally(to: try address("127.0.0.1", port)) == nil)
      let door = try #require(Socket.localListener(beside: listener, backlog: 8))
      // An address for documents, which no machine has.
      #expect(Socket.connectingLocally(to: try address("192.0.2.1", port)) == nil)
      withExtendedLifetime(door) {}
    }

    @Test("a door that has stopped listening refuses, although it is still open")
    func stopped() throws {
      let (listener, port) = try listener(at: "127.0.0.1")
      let door = try #require(Socket.localListener(beside: listener, backlog: 8))
      door.stopListening()
      #expect(Socket.connectingLocally(to: try address("127.0.0.1", port)) == nil)
    }

    @Test("a link within a machine ends as one by TCP does: the process is gone")
    func gone() throws {
      let settings = { Peer.settings($0, local: true) }
      let (a, b) = (try Peer(settings: settings(1)), try Peer(settings: settings(2)))
      defer { a.stop() }
      a.perform(.dial(b.address))
      a.waitForLink(to: b)
      b.waitForLink(to: a)
      guard case .linked(_, let address)? = b.events.first else {
        Issue.record("\(b.events)")
        return
      }
      #expect(address == a.address)
      b.stop()
      a.wait(for: "loss") { !$0.losses.isEmpty }
      #expect(a.losses == [.processGone])
    }
  }
#endif
