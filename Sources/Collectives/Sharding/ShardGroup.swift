// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryPeers
public import FerryPlanning
import FerryTensors
import Synchronization

/// Members of a group as the ranks of a nest: transfers are operations on channels among some of them.
///
/// A sharded run needs each of its ranks. When one is lost, or gives up, all others end with `.lost`,
/// within the time that the group takes to agree on it; this fabric is over then. What to do is in
/// `Docs/sharding.md`.
public final class ShardGroup: ShardFabric {
  public let rank: Int
  private let group: PeerGroup
  private let nest: Nest
  private let peers: [PeerID]
  private let tag: UInt64
  private let limit: Duration
  private let failure = Mutex<CollectiveError?>(nil)

  /// - Parameters:
  ///   - peers: by rank, so that each group of the nest is a run of them; the same on all.
  ///   - tag: of the channels; after a failure the next fabric takes another one.
  ///   - limit: for each transfer, the wait for the slowest rank's computing included.
  /// - Throws: `.badGroup` unless there are as many peers as ranks, all of them members, and this one
  ///   among them.
  public init(
    _ group: PeerGroup, nest: Nest, peers: [PeerID], tag: UInt64 = 1 << 32, within limit: Duration
  ) throws(CollectiveError) {
    let members = Set((group.view?.members ?? []).map(\.id))
    func refused(_ what: String, _ remedy: String) -> CollectiveError {
      CollectiveError(.badGroup, what, place: "shards over \(nest.sizes)", remedy: remedy)
    }
    guard peers.count == nest.world, Set(peers).count == nest.world else {
      throw refused(
        "\(Set(peers).count) peers for \(nest.world) ranks",
        "Name each rank's peer once, or choose a nest of as many ranks.")
    }
    if let stranger = peers.first(where: { !members.contains($0) }) {
      throw refused("\(stranger.short) is no member", "Wait until all ranks have joined.")
    }
    guard let rank = peers.firstIndex(of: group.me.id) else {
      throw refused("this peer is not among the ranks", "Name it, or leave it out of this run.")
    }
    self.rank = rank
    self.group = group
    self.nest = nest
    self.peers = peers
    self.tag = tag
    self.limit = limit
  }

  public func gather(_ bytes: [UInt8], among ranks: [Int]) throws(CollectiveError) -> [[UInt8]] {
    try carry(.allGather(.u8(bytes)), among: ranks)
  }

  public func exchange(
    _ parts: [[UInt8]], among ranks: [Int]
  ) throws(CollectiveError) -> [[UInt8]] {
    var named: [PeerID: Values] = [:]
    for (rank, bytes) in zip(ranks, parts) { named[peers[rank]] = .u8(bytes) }
    return try carry(.allToAll(named, of: .u8), among: ranks)
  }

  /// All parts that members hold, for those who go on without a rank that was lost: each calls with
  /// its own, and all hold all of them then.
  ///
  /// - Parameters:
  ///   - peers: the members that are left, or those of them that have parts or need some.
  ///   - tag: of a channel that has no other use.
  /// - Throws: as `PeerGroup.perform`; `.malformedPayload`, naming the member.
  public static func collect(
    _ parts: [ShardCheckpoint], from group: PeerGroup, among peers: [PeerID], tag: UInt64,
    within limit: Duration
  ) throws(CollectiveError) -> [ShardCheckpoint] {
    var out = ByteWriter()
    for part in parts {
      let bytes = part.encoded()
      out.put(UInt64(bytes.count))
      out.put(raw: bytes)
    }
    let outcome = try group.perform(
      .allGather(.u8(out.bytes)), on: Channel(tag: tag, among: peers), within: limit)
    var all: [ShardCheckpoint] = []
    for (member, values) in outcome.parts {
      guard case .u8(let bytes) = values else { continue }
      var reader = ByteReader(bytes, place: "parts of \(member.id.short)")
      do throws(MalformedMessage) {
        while reader.remaining > 0 {
          let length: UInt64 = try reader.number()
          all.append(
            try ShardCheckpoint(decoding: try reader.raw(Int(clamping: length))))
        }
      } catch {
        throw CollectiveError(
          .malformedPayload, error.what, place: error.place,
          remedy: "The member is broken or lying; go on without it.")
      }
    }
    return all
  }

  private func carry(_ call: Call, among ranks: [Int]) throws(CollectiveError) -> [[UInt8]] {
    if let failure = failure.withLock({ $0 }) { throw failure }
    do throws(CollectiveError) {
      try requireAll(group.view?.members ?? [], ranks: Array(peers.indices))
      let outcome = try group.perform(call, on: channel(ranks), within: limit)
      try requireAll(outcome.contributors.map(\.member), ranks: ranks)
      var got: [PeerID: [UInt8]] = [:]
      for part in outcome.parts {
        if case .u8(let bytes) = part.values { got[part.from.id] = bytes }
      }
      return ranks.map { got[peers[$0]] ?? [] }
    } catch {
      let over = lost(error)
      failure.withLock { $0 = over }
      giveUp()
      throw over
    }
  }

  private func channel(_ ranks: [Int]) -> Channel {
    Channel(tag: tag, among: ranks.map { peers[$0] })
  }

  private func requireAll(_ members: [Member], ranks: [Int]) throws(CollectiveError) {
    let here = Set(members.map(\.id))
    guard let gone = ranks.first(where: { !here.contains(peers[$0]) }) else { return }
    throw CollectiveError(
      .lost, "rank \(gone) (\(peers[gone].short)) is gone", place: "shards over \(nest.sizes)",
      remedy: Self.remedy, culprit: gone)
  }

  /// What ended a transfer, as this run's end: a fellow that gave up did so for a reason like this.
  private func lost(_ error: CollectiveError) -> CollectiveError {
    guard error.code != .lost else { return error }
    let here = Set((group.view?.members ?? []).map(\.id))
    let gone = peers.indices.first { !here.contains(peers[$0]) }
    // A fellow that gave up may have heard of a loss before this peer has.
    let who =
      gone.map { "rank \($0) (\(peers[$0].short)) is gone" }
      ?? (error.code == .cancelled ? "a fellow gave up" : "a transfer failed")
    return CollectiveError(
      .lost, "\(who); \(error.codeName): \(error.what)", place: "shards over \(nest.sizes)",
      remedy: Self.remedy, culprit: gone)
  }

  private static let remedy =
    "Go back to the last checkpoints of all ranks, with a new rank or over a smaller nest."

  /// Lets the others know at once: a call that is cancelled ends theirs, too.
  private func giveUp() {
    var told: Set<[Int]> = []
    for inner in 0..<nest.levels {
      for outer in inner + 1...nest.levels {
        let ranks = nest.fellows(of: rank, between: inner..<outer)
        guard ranks.count > 1, told.insert(ranks).inserted else { continue }
        group.start(.barrier, on: channel(ranks), within: limit).cancel()
      }
    }
  }
}
