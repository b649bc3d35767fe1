// SPDX-License-Identifier: Apache-2.0

extension RunRecord {
  /// A fault with what it cost.
  package struct FaultCost: Sendable {
    package var time: Double
    package var fault: Event.Fault
    /// The slowest survivor's, in seconds; nil when nobody wrote down a recovery.
    package var detection: Double?
    package var agreement: Double?
    package var repetition: Double?

    package var total: Double? {
      guard let detection, let agreement, let repetition else { return nil }
      return detection + agreement + repetition
    }
  }

  /// What each fault that takes a peer away cost, as its survivors measured it.
  package var faultCosts: [FaultCost] {
    faults.map { fault in
      let after = recoveries.filter {
        $0.value.1.member == fault.value.target && $0.time >= fault.time
      }
      // A peer may be lost twice: only recoveries before the next fault that hits it are of this.
      let next = faults.first { $0.time > fault.time && $0.value.target == fault.value.target }
      let own = after.filter { $0.time < next?.time ?? .infinity }
      let slowest = own.map(\.value.1).max { $0.total < $1.total }
      return FaultCost(
        time: fault.time, fault: fault.value, detection: slowest?.detectionSeconds,
        agreement: slowest?.agreementSeconds, repetition: slowest?.repetitionSeconds)
    }
  }

  /// One round over all peers.
  package struct RoundBytes: Sendable, Equatable {
    package var round: Int
    package var sent: BytesByPurpose
    package var dataParallel: Int
  }

  /// What all peers together sent in each round: differences of their meters between commits.
  package var bytesByRound: [RoundBytes] {
    var rounds: [Int: RoundBytes] = [:]
    for peer in peers {
      var last = BytesByPurpose()
      var lastParallel = 0
      for one in peer.rounds.map(\.value) {
        // A peer that was started again counts from zero again.
        let isFresh = one.sent.total < last.total
        let sent = isFresh ? one.sent : one.sent - last
        let parallel =
          one.dataParallelBytes < lastParallel
          ? one.dataParallelBytes : one.dataParallelBytes - lastParallel
        var sum = rounds[one.round] ?? RoundBytes(round: one.round, sent: .init(), dataParallel: 0)
        sum.sent = sum.sent + sent
        sum.dataParallel += parallel
        rounds[one.round] = sum
        last = one.sent
        lastParallel = one.dataParallelBytes
      }
    }
    return rounds.values.sorted { $0.round < $1.round }
  }

  /// The meter of one peer over all its lives, and what data-parallel would have sent in its place.
  package func totals(of peer: Peer) -> (sent: BytesByPurpose, dataParallel: Int) {
    var sum = BytesByPurpose()
    var parallel = 0
    var last = BytesByPurpose()
    var lastParallel = 0
    var readings = peer.rounds.map { ($0.value.sent, $0.value.dataParallelBytes) }
    if let end = peer.finished?.value { readings.append((end.sent, end.dataParallelBytes)) }
    for (sent, dataParallel) in readings {
      if sent.total < last.total {
        sum = sum + last
        parallel += lastParallel
      }
      (last, lastParallel) = (sent, dataParallel)
    }
    return (sum + last, parallel + lastParallel)
  }

  /// All peers together.
  package var totals: (sent: BytesByPurpose, dataParallel: Int) {
    peers.reduce((BytesByPurpose(), 0)) { sum, peer in
      let own = totals(of: peer)
      return (sum.0 + own.sent, sum.1 + own.dataParallel)
    }
  }

  /// The hashes that finished peers ended with; one element when all agree.
  package var finalHashes: Set<String> { Set(peers.compactMap { $0.finished?.value.hash }) }

  /// Rounds that became state.
  package var roundsCommitted: Int { peers.flatMap(\.rounds).map(\.value.round).max() ?? 0 }

  /// Tokens learnt from, by all peers.
  package var tokens: Int { peers.flatMap(\.rounds).map(\.value.tokens).max() ?? 0 }
}

extension Event.Recovery {
  fileprivate var total: Double { detectionSeconds + agreementSeconds + repetitionSeconds }
}
