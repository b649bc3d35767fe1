// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers

/// Operations that a toy member makes beside the rounds: one after another on each of a few tags.
///
/// What a member gives depends on what it got before on the same tag, so that an outcome that
/// differs anywhere shows in every later one.
struct ToyCalls: Sendable {
  static let tags: [UInt64] = [1, 2, 3]
  /// Where it goes in one shot, a member hands the result out before it knows that all have it.
  static let oneShotTag: UInt64 = 1

  /// A member with the group's state in hand.
  var isIn = false {
    didSet { if isIn != oldValue { (open, due, unsettled) = ([:], [:], nil) } }
  }
  /// By tag, the last operation that this life of the peer has seen the end of.
  private(set) var last: [UInt64: (number: UInt64, digest: [UInt8])] = [:]
  /// By tag, the last that stands for good, whoever is lost: in one shot the one before.
  private(set) var settled: [UInt64: (number: UInt64, digest: [UInt8])] = [:]
  private var unsettled: (number: UInt64, digest: [UInt8])?
  private(set) var finishedCount = 0
  private let me: Member
  private let pauseMax: Duration
  private let longest: Int
  private var chance: SplitMix64
  /// By call, the tag.
  private var open: [UInt64: UInt64] = [:]
  /// By tag, when the next call is made; at once where nothing stands.
  private var due: [UInt64: Duration] = [:]
  private var lastCall: UInt64 = 0

  /// - Parameter longest: how many elements the first tag's vectors have.
  init(me: Member, pauseMax: Duration, seed: Seed, longest: Int) {
    self.longest = longest
    self.me = me
    self.pauseMax = pauseMax
    chance = SplitMix64(seed)
  }

  var nextDue: Duration? { isIn ? due.values.min() : nil }

  /// The next call to be made, if it is time.
  mutating func due(at now: Duration) -> (call: Call, channel: Channel, id: UInt64)? {
    guard isIn else { return nil }
    let waiting = Self.tags.first { tag in
      !open.values.contains(tag) && (due[tag] ?? .zero) <= now
    }
    guard let tag = waiting else { return nil }
    lastCall += 1
    open[lastCall] = tag
    due[tag] = nil
    let share = Float(me.incarnation % 89) / 89
    let count = tag == 1 ? max(8, longest / 8) : Int(8 * tag)
    let values = (0..<count).map { Float($0) + share }
    let call: Call =
      switch tag {
      case 1: .allReduce(.f32(values), .sum)
      case 2: .allReduce(.f32(values), .mean, codec: .int8Stochastic, algorithm: .direct)
      default: .allGather(.f32(values))
      }
    return (call, Channel(tag: tag), lastCall)
  }

  mutating func finished(
    _ id: UInt64, _ result: Result<CallOutcome, CollectiveError>, at now: Duration
  ) {
    guard let tag = open.removeValue(forKey: id) else { return }
    due[tag] = now + pauseMax * Double.random(in: 0...1, using: &chance)
    guard case .success(let outcome) = result, case .f32(let values) = outcome.values else {
      return
    }
    finishedCount += 1
    var bytes = ByteWriter()
    for value in values { bytes.put(UInt64(value.bitPattern)) }
    for contributor in outcome.contributors { bytes.put(contributor.member) }
    last[tag] = (outcome.number, Digest.sha256(of: bytes.bytes))
    guard tag == Self.oneShotTag else {
      settled[tag] = last[tag]
      return
    }
    settled[tag] = unsettled
    unsettled = last[tag]
  }
}
