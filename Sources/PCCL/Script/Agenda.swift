// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// Who takes part, and what the next round does: the same on all peers after every round.
///
/// PCCL lets newcomers in when all peers ask for it, matches operations by tags, and elects the state
/// that most peers hold; a master decides. Here nobody does: each round of the group brings every
/// peer's calls (`Part`) to all others, and all draw the same conclusions from them. A newcomer gets
/// the agenda as the group's shared state, and follows with weight 0 until the others take it in.
struct Agenda: Hashable, Sendable {
  /// What the next round's values are.
  enum Job: Hashable, Sendable {
    case none
    /// The values of these calls, one after the other; or a slice of the only one's elements.
    case add([ReduceCall], slice: Range<UInt64>)
    /// A slice of this call's elements, packed, one place for every accepted member.
    case gather(ReduceCall, slice: Range<UInt64>)
    /// A slice of the bytes of a source's tensors, one after the other, packed.
    case send(Transfer, slice: Range<UInt64>)
  }

  /// State on its way from one member to others.
  struct Transfer: Hashable, Sendable {
    var source: Member
    /// Indices of the tensors that somebody lacks, in order.
    var tensors: [UInt32]
    var byteCount: UInt64
    /// The bytes that peers lack, all together: what the source counts as sent.
    var lackingByteCount: UInt64
  }

  /// What a round meant. What is not about a peer's own calls it ignores.
  enum Happening: Hashable, Sendable {
    /// The round's values are this slice of the operations, of `of` members; `places` are theirs.
    case reduced([ReduceCall], slice: Range<UInt64>, places: [Int])
    /// These are done, all of them.
    case finished([ReduceCall])
    /// A member was lost in the middle: from the first slice again.
    case restarted([ReduceCall])
    /// Nobody is there to reduce with.
    case lonely([ReduceCall])
    /// The peers mean different operations by one tag.
    case disagreed([ReduceCall])
    case received(Transfer, slice: Range<UInt64>)
    case synchronized(revision: UInt64, with: Transfer?)
    /// The offers do not fit together.
    case notSynchronized(StateElection.Refusal)
    case tookIn
    case counted(pending: Bool)
    case optimized
  }

  /// Floats in one round: what is longer is cut.
  static var roundFloatsMax: UInt64 { 16 << 20 }

  /// In the order in which they were taken in.
  private(set) var accepted: [Member]
  private(set) var job = Job.none
  /// The last revision that was synchronized; the next one is expected to follow it.
  private(set) var revision: UInt64?

  /// Nobody is in it yet: its first round takes in whoever is there.
  init() { self.init(accepted: [], job: .none, revision: nil) }

  init(accepted: [Member], job: Job, revision: UInt64?) {
    (self.accepted, self.job, self.revision) = (accepted, job, revision)
  }

  /// How many floats each member hands in for the next round.
  var floatCount: Int {
    switch job {
    case .none: 0
    case .add(_, let slice): slice.count
    case .gather(let call, let slice): accepted.count * placeFloatCount(call, slice)
    case .send(_, let slice): Packing.floatCount(slice.count)
    }
  }

  /// How many floats one member's place takes in a gathering.
  func placeFloatCount(_ call: ReduceCall, _ slice: Range<UInt64>) -> Int {
    Packing.floatCount(slice.count * call.kind.byteCount)
  }

  // MARK: After a round

  /// Draws the conclusions from a round in which these members took part, in the record's order.
  mutating func advance(_ record: [(member: Member, part: Part)]) -> [Happening] {
    let present = Set(record.map(\.member))
    let staying = accepted.filter(present.contains)
    guard !staying.isEmpty else {
      // The first round; or all who knew anything are gone, and those who waited go on as the run.
      (accepted, job) = (record.map(\.member), .none)
      return [.tookIn]
    }
    let places = accepted.indices.filter { present.contains(accepted[$0]) }
    let isComplete = staying.count == accepted.count
    accepted = staying
    let parts = staying.map { member in record.first { $0.member == member }!.part }
    var happenings: [Happening] = []
    conclude(places: places, isComplete: isComplete, &happenings)
    let done = Set(happenings.flatMap(\.finishedTags))
    if job == .none { matchReductions(parts, without: done, &happenings) }
    if job == .none { matchCommon(parts, record.map(\.member), &happenings) }
    return happenings
  }

  /// What came of the job.
  private mutating func conclude(
    places: [Int], isComplete: Bool, _ happenings: inout [Happening]
  ) {
    switch job {
    case .none: break
    case .add(let calls, let slice):
      let total = calls.reduce(0) { $0 + $1.count }
      follow(calls, slice, of: total, places, isComplete, &happenings) { .add(calls, slice: $0) }
    case .gather(let call, let slice):
      follow([call], slice, of: call.count, places, isComplete, &happenings) {
        .gather(call, slice: $0)
      }
    case .send(let transfer, let slice):
      // Without its source the state is chosen anew, from the same calls.
      job = .none
      guard accepted.contains(transfer.source) else { return }
      happenings.append(.received(transfer, slice: slice))
      if slice.upperBound < transfer.byteCount {
        job = .send(transfer, slice: next(slice, of: transfer.byteCount))
      } else if let revision {
        happenings.append(.synchronized(revision: revision, with: transfer))
      }
    }
  }

  private mutating func follow(
    _ calls: [ReduceCall], _ slice: Range<UInt64>, of total: UInt64, _ places: [Int],
    _ isComplete: Bool, _ happenings: inout [Happening], _ again: (Range<UInt64>) -> Job
  ) {
    job = .none
    guard accepted.count > 1 else { return }
    if !isComplete, slice.lowerBound > 0 {
      // Its slices would be sums of different peers.
      happenings.append(.restarted(calls))
      return
    }
    happenings.append(.reduced(calls, slice: slice, places: places))
    if slice.upperBound < total {
      job = again(next(slice, of: total))
    } else {
      happenings.append(.finished(calls))
    }
  }

  private func next(_ slice: Range<UInt64>, of total: UInt64) -> Range<UInt64> {
    slice.upperBound..<min(total, slice.upperBound + UInt64(slice.count))
  }

  // MARK: What next

  private mutating func matchReductions(
    _ parts: [Part], without done: Set<UInt64>, _ happenings: inout [Happening]
  ) {
    guard parts.count > 1 else {
      let alone = parts[0].reductions.filter { !done.contains($0.tag) }
      if !alone.isEmpty { happenings.append(.lonely(alone)) }
      return
    }
    let others = parts.dropFirst().map { part in
      Dictionary(part.reductions.map { ($0.tag, $0) }) { first, _ in first }
    }
    var agreed: [ReduceCall] = []
    for call in parts[0].reductions where !done.contains(call.tag) {
      let same = others.compactMap { $0[call.tag] }
      guard same.count == others.count else { continue }
      if same.allSatisfy({ $0 == call }) {
        agreed.append(call)
      } else {
        happenings.append(.disagreed([call]))
      }
    }
    guard let first = agreed.first else { return }
    guard first.isAdded else {
      let each = UInt64(Packing.bytesEach) * Self.roundFloatsMax / UInt64(accepted.count)
      let elements = max(1, each / UInt64(first.kind.byteCount))
      job = .gather(first, slice: 0..<min(first.count, elements))
      return
    }
    guard first.count <= Self.roundFloatsMax else {
      job = .add([first], slice: 0..<Self.roundFloatsMax)
      return
    }
    // Small ones travel together.
    var together: [ReduceCall] = []
    var total: UInt64 = 0
    for call in agreed where call.isAdded && total + call.count <= Self.roundFloatsMax {
      together.append(call)
      total += call.count
    }
    job = .add(together, slice: 0..<total)
  }

  private mutating func matchCommon(
    _ parts: [Part], _ present: [Member], _ happenings: inout [Happening]
  ) {
    guard let first = parts[0].common,
      parts.dropFirst().allSatisfy({ $0.common.map(first.isLike) ?? false })
    else { return }
    // Its calls are those that were just answered.
    let answered = happenings.contains { if case .synchronized = $0 { true } else { false } }
    guard !answered else { return }
    switch first {
    case .updateTopology:
      accepted += present.filter { !accepted.contains($0) }
      happenings.append(.tookIn)
    case .arePeersPending:
      happenings.append(.counted(pending: present.count > accepted.count))
    case .optimizeTopology:
      happenings.append(.optimized)
    case .synchronize:
      let offers = parts.compactMap { if case .synchronize(let offer)? = $0.common { offer } else { nil } }
      switch StateElection(offers, after: revision).outcome {
      case .failure(let refusal): happenings.append(.notSynchronized(refusal))
      case .success(let choice):
        revision = choice.revision
        guard !choice.lacking.isEmpty else {
          happenings.append(.synchronized(revision: choice.revision, with: nil))
          return
        }
        let chosen = offers[choice.source]
        func size(_ tensors: [Int]) -> UInt64 { tensors.reduce(0) { $0 + chosen.tensors[$1].byteCount } }
        let bytes = size(choice.lacking)
        let transfer = Transfer(
          source: accepted[choice.source], tensors: choice.lacking.map(UInt32.init), byteCount: bytes,
          lackingByteCount: offers.reduce(0) { sum, offer in
            sum + size(choice.lacking.filter { StateElection.lacks(offer, $0, of: chosen) })
          })
        let sliceMax = Self.roundFloatsMax * UInt64(Packing.bytesEach)
        job = .send(transfer, slice: 0..<min(bytes, sliceMax))
      }
    }
  }
}

extension Agenda.Happening {
  /// The tags that are done.
  fileprivate var finishedTags: [UInt64] {
    guard case .finished(let calls) = self else { return [] }
    return calls.map(\.tag)
  }
}
