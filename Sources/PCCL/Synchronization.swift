// SPDX-License-Identifier: Apache-2.0

internal import CPCCL
import FerryBasics
import FerryCollectives
import FerryPeers
import FerryTensors

/// Brings a program's state to what the peers elect: tensors go from those who hold them to those who
/// do not, and all compare again until nobody lacks anything.
struct StateSynchronization: Sendable {
  /// What came of it.
  struct Outcome: Sendable {
    var revision: UInt64
    var sent: UInt64 = 0
    var received: UInt64 = 0
  }

  let communicator: Communicator
  let names: [(name: String, kind: ElementKind, mayDiffer: Bool)]
  /// The tensors' memory, in the same order.
  let places: [Place]
  let strategy: StateOffer.Strategy

  /// - Throws: `Refusal` when the peers' offers do not fit together, `Communicator.Ended`.
  func run(revision: UInt64) throws -> Outcome {
    var outcome = Outcome(revision: revision)
    var tensors = places.indices.map { describe($0) }
    // Once the others have copied from a peer, or it from them, it holds what is popular.
    while true {
      let offer = StateOffer(
        revision: outcome.revision, strategy: strategy, layout: layout, tensors: tensors)
      guard case .elected(let election) = try communicator.make(.synchronize(offer)),
        let (members, me) = communicator.members
      else { throw Communicator.Ended() }
      let choice = try election.get()
      outcome.revision = choice.revision
      guard !choice.copies.isEmpty else { return outcome }
      let changed = try copy(choice.copies, among: members, me: me, &outcome)
      for tensor in changed { tensors[tensor] = describe(tensor) }
    }
  }

  private var layout: [UInt8] {
    var w = ByteWriter()
    for (name, kind, _) in names {
      w.put(name)
      w.put(kind.rawValue)
    }
    return Digest.sha256(of: w.bytes)
  }

  private func describe(_ tensor: Int) -> StateOffer.Tensor {
    let place = places[tensor]
    return StateOffer.Tensor(
      byteCount: UInt64(place.byteCount),
      digest: Array(
        Digest.sha256(of: place.bytes(0..<place.byteCount)).prefix(StateOffer.digestByteCount)),
      mayDiffer: names[tensor].mayDiffer)
  }

  /// - Returns: the tensors of this peer that changed.
  private func copy(
    _ copies: [StateElection.Copy], among members: [Member], me: Member, _ outcome: inout Outcome
  ) throws -> [Int] {
    var (sending, arriving): ([(Int, PendingCall)], [(Int, PendingCall)]) = ([], [])
    for copy in copies {
      let (source, target) = (members[copy.source], members[copy.target])
      guard source == me || target == me else { continue }
      for tensor in copy.tensors {
        let values = source == me ? try places[tensor].values(.u8) : Values(.u8)
        let call = try communicator.pass(values, number: tensor, from: source, to: target)
        if source == me { sending.append((tensor, call)) } else { arriving.append((tensor, call)) }
      }
    }
    var changed: [Int] = []
    for (tensor, call) in arriving {
      // Who sent may be gone: the next election names another.
      guard let values = try? call.wait().values, values.byteCount == places[tensor].byteCount
      else {
        continue
      }
      places[tensor].write(values)
      outcome.received += UInt64(values.byteCount)
      changed.append(tensor)
    }
    for (tensor, call) in sending where (try? call.wait()) != nil {
      outcome.sent += UInt64(places[tensor].byteCount)
    }
    return changed
  }
}
