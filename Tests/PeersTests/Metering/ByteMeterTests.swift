// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Foundation
import Testing

@Suite("Byte meter")
struct ByteMeterTests {
  @Test("counts what a proxy between the peers counts, byte for byte")
  func proxied() throws {
    let (a, b) = (try Peer(), try Peer())
    let proxy = try Proxy(to: b.address)
    a.perform(.dial(proxy.address))
    a.waitForLink(to: b)
    b.waitForLink(to: a)
    let sizes = [1, 100_000, 3_000_000]
    for size in sizes {
      a.perform(.send(b.id, Frame(.exchange, Array(repeating: 1, count: size))))
      b.perform(.send(a.id, Frame(.catchUp, Array(repeating: 2, count: size))))
    }
    a.wait(for: "frames") { $0.frames.count == 3 }
    b.wait(for: "frames") { $0.frames.count == 3 }
    a.stop()
    b.stop()
    proxy.stop()
    let (here, there) = (a.loop.meter.snapshot(), b.loop.meter.snapshot())
    let payload = sizes.reduce(0, +)
    #expect(here[.exchange].payloadSent == payload)
    #expect(there[.exchange].payloadReceived == payload)
    #expect(there[.catchUp].payloadSent == payload)
    #expect(here[.catchUp].payloadReceived == payload)
    // Headers and tags cost little, and something.
    #expect(here[.exchange].wireSent > payload)
    #expect(Double(here[.exchange].wireSent) < Double(payload) * 1.002 + 200)
    #expect(here[.handshake].wireSent > 0 && here[nil] == ByteMeter.Count())
    // The proxy passes on all that it was given while both were up; at the end b may have met its
    // own closed socket, so what counts is what arrived.
    #expect(proxy.counted.toTarget >= there.total.wireReceived)
    #expect(here.total.wireSent - proxy.counted.toTarget < 200)
    #expect(here[b.id].wireSent == here.total.wireSent)
  }
}
