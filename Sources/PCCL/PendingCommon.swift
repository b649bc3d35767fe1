// SPDX-License-Identifier: Apache-2.0

internal import CPCCL
import FerryCollectives
import FerryPeers

/// A call that all peers make together, and the memory of the state that it is about.
struct PendingCommon: Sendable {
  let call: CommonCall
  /// Of the state's tensors, in order.
  var places: [Place] = []
  var sent: UInt64 = 0
  var received: UInt64 = 0
  var arrived: [UInt8] = []
  var result: pcclResult_t?
  /// What `pcclArePeersPending` answers.
  var arePeersPending = false
  /// What the state's revision became.
  var revision: UInt64 = 0

  init(_ call: CommonCall, places: [Place] = []) { (self.call, self.places) = (call, places) }

  /// A slice of the bytes that the source of a transfer sends.
  func bytes(of transfer: Agenda.Transfer, _ slice: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    var start = 0
    for tensor in transfer.tensors {
      let place = places[Int(tensor)]
      let part = slice.clamped(to: start..<start + place.byteCount)
      if !part.isEmpty { bytes += place.bytes(part.lowerBound - start..<part.upperBound - start) }
      start += place.byteCount
    }
    return bytes
  }

  /// Writes what has arrived over what differs from it, now that it is complete.
  mutating func adopt(_ transfer: Agenda.Transfer, me: Member, revision: UInt64) {
    defer { arrived = [] }
    guard case .synchronize(let offer) = call else { return }
    if transfer.source == me { return sent = transfer.lackingByteCount }
    var start = 0
    for index in transfer.tensors.map(Int.init) {
      let mine = offer.tensors[index]
      let bytes = Array(arrived[start..<start + Int(mine.byteCount)])
      start += bytes.count
      let isOutdated = offer.revision != revision
      if StateOffer.digest(bytes) == mine.digest || (mine.mayDiffer && !isOutdated) { continue }
      places[index].write(bytes, at: 0)
      received += UInt64(bytes.count)
    }
  }
}

extension StateOffer {
  /// What peers compare of a tensor's content.
  static func digest(_ bytes: [UInt8]) -> [UInt8] {
    Array(Digest.sha256(of: bytes).prefix(digestByteCount))
  }
}
