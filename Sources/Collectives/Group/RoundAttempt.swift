// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// One try at one round in one view: who is ready, the exchange, who holds the result.
struct RoundAttempt: Sendable {
  var readies: [Member: GroupMessage.Ready] = [:]
  var machine: (any AllReduceMachine)?
  /// Chunks of members that began before this one did.
  var waiting: [(rank: Int, chunk: Chunk)] = []
  var result: [Float]?
  var outcome: RoundOutcome?
  var dones: [Member: [UInt8]] = [:]
  /// This member has told the late ones that the others wait.
  var hasHurried = false

  /// Why those who are ready cannot work together, and who is to be left out.
  func quarrel(in view: View) -> (reason: String, without: [Member])? {
    let states = odd(view.members, by: { readies[$0]!.stateDigest })
    if !states.isEmpty {
      return ("the shared state of \(names(states)) is not the majority's", states)
    }
    let kinds = odd(view.members) {
      "\(readies[$0]!.operation), \(readies[$0]!.elementCount) elements"
    }
    guard let first = kinds.first, let other = view.members.first(where: { !kinds.contains($0) })
    else { return nil }
    let (a, b) = (readies[first]!, readies[other]!)
    return (
      """
      \(names(kinds)) would exchange \(a.elementCount) elements as \(a.operation), \
      the majority \(b.elementCount) as \(b.operation)
      """, kinds
    )
  }

  /// Those whose result is not the majority's.
  func minority(in view: View) -> [Member] { odd(view.members) { dones[$0]! } }

  /// Those who differ from the largest group of equals; among equally large ones the senior counts.
  private func odd<Key: Hashable>(_ members: [Member], by key: (Member) -> Key) -> [Member] {
    let groups = Dictionary(grouping: members, by: key)
    guard groups.count > 1 else { return [] }
    let largest = groups.values.map(\.count).max()!
    let chosen = members.first { groups[key($0)]!.count == largest }!
    return members.filter { key($0) != key(chosen) }
  }

  private func names(_ members: [Member]) -> String {
    members.map(\.id.short).joined(separator: ", ")
  }

  /// A digest of the result's bits and the record of who contributed what.
  func recordDigest(of result: [Float], in view: View, seed: Seed) -> [UInt8] {
    var record = ByteWriter()
    for member in view.members {
      record.put(member)
      record.put(readies[member]!.weight)
      record.put(run: readies[member]!.note)
    }
    return Digest.quick(of: result, seed: seed, then: record.bytes)
  }
}
