// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
package import FerryPeers

/// What the master and the peers say to one another.
package enum RendezvousMessage: Hashable, Sendable {
  /// A peer looks for the run's peers of its group.
  case ask(peerGroup: UInt32)
  /// A peer listens on a port, as one of so many.
  case report(peerGroup: UInt32, port: UInt16, world: UInt32)
  /// The master's answer: nobody is there, be the first.
  case found
  /// The master's answer: they are there.
  case join([PeerAddress])
  /// How many peers there are, by group.
  case worlds([UInt32: UInt32])

  static var addressesMax: Int { 16 }
  static var groupsMax: Int { 1024 }

  package var frame: Frame {
    var w = ByteWriter()
    switch self {
    case .ask(let group):
      w.put(UInt8(1))
      w.put(group)
    case .report(let group, let port, let world):
      w.put(UInt8(2))
      w.put(group)
      w.put(port)
      w.put(world)
    case .found: w.put(UInt8(3))
    case .join(let addresses):
      w.put(UInt8(4))
      w.put(each: addresses) { w, address in
        w.put(address.host)
        w.put(address.port)
      }
    case .worlds(let worlds):
      w.put(UInt8(5))
      w.put(each: worlds.keys.sorted()) { w, group in
        w.put(group)
        w.put(worlds[group]!)
      }
    }
    return Frame(.membership, w.bytes)
  }

  package init(_ frame: Frame) throws(MalformedMessage) {
    var r = ByteReader(frame.payload, place: "rendezvous")
    switch try r.number(UInt8.self) {
    case 1: self = .ask(peerGroup: try r.number())
    case 2:
      self = .report(peerGroup: try r.number(), port: try r.number(), world: try r.number())
    case 3: self = .found
    case 4:
      self = .join(
        try r.each(max: Self.addressesMax, byteCountMin: 6) { (r) throws(MalformedMessage) in
          PeerAddress(host: try r.text(max: JoinLine.hostBytesMax), port: try r.number())
        })
    case 5:
      let pairs = try r.each(max: Self.groupsMax, byteCountMin: 8) {
        (r) throws(MalformedMessage) -> (UInt32, UInt32) in (try r.number(), try r.number())
      }
      self = .worlds(Dictionary(pairs) { $1 })
    default: throw r.malformed("no such message")
    }
    try r.end()
  }
}
