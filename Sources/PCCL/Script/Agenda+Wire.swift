// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import FerryPeers

extension Agenda {
  private static let name = "agenda"

  /// As the group's shared state: a tensor, since that is what newcomers are given. None at first,
  /// as in a group that was just founded.
  package var state: [(name: String, values: [Float])] {
    guard self != Agenda() else { return [] }
    let bytes = encoded
    return [(Self.name, [Float(bytes.count)] + Packing.floats(bytes))]
  }

  package init(state: [(name: String, values: [Float])]) throws(MalformedMessage) {
    let place = Self.name
    guard let tensor = state.first(where: { $0.name == place })?.values else {
      self.init()
      return
    }
    guard let head = tensor.first, head >= 0, head < 16_777_216, head == head.rounded(),
      let bytes = Packing.bytes(tensor[1...], count: Int(head))
    else { throw MalformedMessage(what: "not packed bytes", place: place) }
    try self.init(decoding: bytes)
  }

  private var encoded: [UInt8] {
    var w = ByteWriter(reserving: 256)
    w.put(each: accepted) { $0.put($1) }
    w.put(epoch)
    w.put(UInt8(revision == nil ? 0 : 1))
    w.put(revision ?? 0)
    return w.bytes
  }

  private init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    var r = ByteReader(bytes, place: "agenda")
    let accepted = try r.each(max: View.membersMax, byteCountMin: 40) {
      (r) throws(MalformedMessage) in try r.member()
    }
    let epoch: UInt64 = try r.number()
    let isKnown = try r.number(UInt8.self) != 0
    let revision: UInt64 = try r.number()
    try r.end()
    self.init(accepted: accepted, epoch: epoch, revision: isKnown ? revision : nil)
  }
}
