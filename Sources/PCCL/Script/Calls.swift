// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import FerryCollectives

/// A call that all peers make together, and that does one thing at a time.
package enum CommonCall: Hashable, Sendable {
  case updateTopology
  case arePeersPending
  case optimizeTopology
  case synchronize(StateOffer)

  /// Whether another peer's call is the same, whatever it brings.
  func isLike(_ other: CommonCall) -> Bool {
    switch (self, other) {
    case (.updateTopology, .updateTopology), (.arePeersPending, .arePeersPending),
      (.optimizeTopology, .optimizeTopology), (.synchronize, .synchronize):
      true
    default: false
    }
  }
}

/// What a peer holds when state is compared.
package struct StateOffer: Hashable, Sendable {
  /// The numbers are those of `pcclSharedStateSyncStrategy_t`.
  package enum Strategy: UInt8, Sendable {
    case enforcePopular, receiveOnly, sendOnly
  }

  package struct Tensor: Hashable, Sendable {
    package var byteCount: UInt64
    /// The first bytes of the content's SHA-256.
    package var digest: [UInt8]
    /// Differing contents alone are no reason to fetch it.
    package var mayDiffer: Bool

    package init(byteCount: UInt64, digest: [UInt8], mayDiffer: Bool) {
      (self.byteCount, self.digest, self.mayDiffer) = (byteCount, digest, mayDiffer)
    }
  }

  /// So many that an offer fits into the note of a round.
  static var tensorsMax: Int { 2048 }
  static let digestByteCount = 16

  package var revision: UInt64
  package var strategy: Strategy
  /// SHA-256 of the names and types, in order.
  package var layout: [UInt8]
  package var tensors: [Tensor]

  package init(revision: UInt64, strategy: Strategy, layout: [UInt8], tensors: [Tensor]) {
    (self.revision, self.strategy, self.layout) = (revision, strategy, layout)
    self.tensors = tensors
  }

  /// What has to be equal for two offers to be the same state.
  var content: [[UInt8]] { tensors.map { $0.mayDiffer ? [] : $0.digest } }
}

// MARK: As bytes

/// What a peer says in a round: what its program waits for, if anything.
extension CommonCall? {
  package var encoded: [UInt8] {
    var w = ByteWriter(reserving: 256)
    switch self {
    case nil: w.put(UInt8(0))
    case .updateTopology: w.put(UInt8(1))
    case .arePeersPending: w.put(UInt8(2))
    case .optimizeTopology: w.put(UInt8(3))
    case .synchronize(let offer):
      w.put(UInt8(4))
      w.put(offer.revision)
      w.put(offer.strategy.rawValue)
      w.put(run: offer.layout)
      w.put(each: offer.tensors) { w, tensor in
        w.put(tensor.byteCount)
        w.put(raw: tensor.digest)
        w.put(UInt8(tensor.mayDiffer ? 1 : 0))
      }
    }
    return w.bytes
  }

  package init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    var r = ByteReader(bytes, place: "call of a round")
    switch try r.number(UInt8.self) {
    case 0: self = nil
    case 1: self = .updateTopology
    case 2: self = .arePeersPending
    case 3: self = .optimizeTopology
    case 4:
      let revision: UInt64 = try r.number()
      guard let strategy = StateOffer.Strategy(rawValue: try r.number()) else {
        throw r.malformed("no such strategy")
      }
      let layout = try r.run(max: Digest.byteCount)
      let tensors = try r.each(max: StateOffer.tensorsMax, byteCountMin: 25) {
        (r) throws(MalformedMessage) -> StateOffer.Tensor in
        StateOffer.Tensor(
          byteCount: try r.number(), digest: try r.raw(StateOffer.digestByteCount),
          mayDiffer: try r.number(UInt8.self) != 0)
      }
      self = .synchronize(
        StateOffer(revision: revision, strategy: strategy, layout: layout, tensors: tensors))
    default: throw r.malformed("no such call")
    }
    try r.end()
  }
}
