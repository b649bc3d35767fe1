// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

extension Agenda {
  private static let name = "agenda"

  /// As the group's shared state: a tensor, since that is what newcomers are given. None at first,
  /// as in a group that was just founded.
  var state: [(name: String, values: [Float])] {
    guard self != Agenda() else { return [] }
    let bytes = encoded
    return [(Self.name, [Float(bytes.count)] + Packing.floats(bytes))]
  }

  init(state: [(name: String, values: [Float])]) throws(MalformedMessage) {
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
    w.put(UInt8(revision == nil ? 0 : 1))
    w.put(revision ?? 0)
    func put(_ kind: UInt8, _ slice: Range<UInt64>) {
      w.put(kind)
      w.put(slice.lowerBound)
      w.put(slice.upperBound)
    }
    switch job {
    case .none: put(0, 0..<0)
    case .add(let calls, let slice):
      put(1, slice)
      w.put(each: calls) { $0.put($1) }
    case .gather(let call, let slice):
      put(2, slice)
      w.put(call)
    case .send(let transfer, let slice):
      put(3, slice)
      w.put(transfer.source)
      w.put(transfer.byteCount)
      w.put(transfer.lackingByteCount)
      w.put(each: transfer.tensors) { $0.put($1) }
    }
    return w.bytes
  }

  private init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    var r = ByteReader(bytes, place: "agenda")
    let accepted = try r.each(max: View.membersMax, byteCountMin: 40) {
      (r) throws(MalformedMessage) in try r.member()
    }
    let isKnown = try r.number(UInt8.self) != 0
    let revision: UInt64 = try r.number()
    let kind: UInt8 = try r.number()
    let (start, end): (UInt64, UInt64) = (try r.number(), try r.number())
    guard start <= end, end - start <= Self.roundFloatsMax * UInt64(Packing.bytesEach) else {
      throw r.malformed("a slice from \(start) to \(end)")
    }
    let job: Job
    switch kind {
    case 0: job = .none
    case 1:
      let calls = try r.each(max: Part.reductionsMax, byteCountMin: 18) {
        (r) throws(MalformedMessage) in try r.reduceCall()
      }
      job = .add(calls, slice: start..<end)
    case 2: job = .gather(try r.reduceCall(), slice: start..<end)
    case 3:
      let source = try r.member()
      let (byteCount, lacking): (UInt64, UInt64) = (try r.number(), try r.number())
      let tensors = try r.each(max: StateOffer.tensorsMax, byteCountMin: 4) {
        (r) throws(MalformedMessage) in try r.number(UInt32.self)
      }
      job = .send(
        Transfer(
          source: source, tensors: tensors, byteCount: byteCount, lackingByteCount: lacking),
        slice: start..<end)
    default: throw r.malformed("no such job")
    }
    try r.end()
    self.init(accepted: accepted, job: job, revision: isKnown ? revision : nil)
  }
}
