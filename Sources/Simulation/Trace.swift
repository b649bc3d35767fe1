// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// What happened in a world: a hash of all of it, and the last of it to read.
struct Trace {
  enum Entry {
    case event(LinkEvent)
    case note(String)
  }

  struct Record {
    let time: Int64
    let peer: Int
    let entry: Entry
  }

  private(set) var hash: UInt64 = 0
  private(set) var count = 0
  private var ring: [Record] = []
  private var next = 0
  private let kept: Int

  init(kept: Int) {
    self.kept = kept
    ring.reserveCapacity(kept)
  }

  mutating func add(_ entry: Entry, peer: Int, at time: Int64) {
    count += 1
    var word = SplitMix64.mix(hash ^ UInt64(bitPattern: time))
    word = SplitMix64.mix(word ^ UInt64(peer) ^ Self.digest(entry))
    hash = word
    guard kept > 0 else { return }
    let record = Record(time: time, peer: peer, entry: entry)
    if ring.count < kept {
      ring.append(record)
    } else {
      ring[next] = record
    }
    next = next + 1 == kept ? 0 : next + 1
  }

  /// Oldest first.
  func lines(name: (PeerID) -> String, describe: (Frame) -> String) -> [String] {
    let ordered = ring.count < kept ? ring[...] : ring[next...] + ring[..<next]
    return ordered.map { record in
      let text =
        switch record.entry {
        case .note(let note): note
        case .event(.linked(let member, _)): "linked to \(name(member.id))"
        case .event(.unlinked(let member, let cause)):
          "unlinked from \(name(member.id)): \(cause)"
        case .event(.received(let member, let frame)):
          "from \(name(member.id)): \(describe(frame))"
        case .event(.unreachable(let address, let cause)): "cannot reach \(address): \(cause)"
        case .event(.woke): "woke"
        }
      return "  \(Self.seconds(record.time))  peer-\(record.peer)  \(text)"
    }
  }

  private static func seconds(_ time: Int64) -> String {
    let digits = String(time % 1_000_000_000 / 1000)
    let zeros = String(repeating: "0", count: 6 - digits.count)
    return "\(time / 1_000_000_000).\(zeros)\(digits) s"
  }

  private static func digest(_ entry: Entry) -> UInt64 {
    switch entry {
    case .event(.received(let member, let frame)):
      return 1 ^ member.incarnation ^ digest(frame)
    case .event(.linked(let member, _)): return 2 ^ SplitMix64.mix(member.incarnation)
    case .event(.unlinked(let member, let cause)):
      return 3 ^ SplitMix64.mix(member.incarnation ^ digest(cause))
    case .event(.unreachable(_, let cause)): return 4 ^ SplitMix64.mix(digest(cause))
    case .event(.woke): return 5
    case .note(let note): return 6 ^ digest(note)
    }
  }

  /// Of a long payload the ends and some bytes between: enough to tell two runs apart.
  private static func digest(_ frame: Frame) -> UInt64 {
    let payload = frame.payload
    var word = SplitMix64.mix(UInt64(payload.count) << 8 | UInt64(frame.purpose.rawValue))
    let stride = max(1, payload.count / 64)
    var i = 0
    while i < payload.count {
      word = (word ^ UInt64(payload[i])) &* 0x100_0000_01B3
      i += stride
    }
    return SplitMix64.mix(word)
  }

  private static func digest(_ cause: LossCause) -> UInt64 {
    switch cause {
    case .processGone: 1
    case .closed(let reason): 2 ^ digest(reason)
    case .silent(let after): 3 ^ UInt64(bitPattern: after.worldNanoseconds) << 2
    case .hungUp(let reason): 4 ^ digest(reason)
    }
  }

  private static func digest(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
