// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import FerryStrategies

/// A group without a network: several trainers, round by round, with a perfect mean.
///
/// It keeps the promises of the real group: rounds in order, the same outcome for all, newcomers
/// with an empty view in their first round, digests compared after each.
struct LoopbackGroup<S: Strategy, R: Replica> {
  private(set) var trainers: [Member: Trainer<S, R>] = [:]
  private(set) var members: [Member] = []
  private(set) var states: [Member: SharedState] = [:]
  private(set) var round: UInt64 = 0
  private var assignment: [Member] = []
  private var arrived: Set<Member> = []
  private(set) var saved: [Member: TrainerState] = [:]
  private(set) var progress: [Progress] = []
  private(set) var reports: [RoundReport] = []
  private(set) var notes: [String] = []
  private(set) var finished: Set<Member> = []
  /// The samples each landed round reported, whether or not they counted.
  private(set) var reported: [Contributor] = []

  init() {}

  /// Members that all found the run alike.
  init(founders: [Trainer<S, R>]) throws {
    for var trainer in founders {
      let actions = try trainer.found()
      members.append(trainer.me)
      trainers[trainer.me] = trainer
      take(actions, from: trainer.me)
    }
    assignment = members
  }

  mutating func resume(_ trainer: Trainer<S, R>, from state: TrainerState) throws {
    var trainer = trainer
    let actions = try trainer.resume(state)
    members.append(trainer.me)
    assignment.append(trainer.me)
    trainers[trainer.me] = trainer
    round = state.shared.round
    take(actions, from: trainer.me)
  }

  mutating func join(_ trainer: Trainer<S, R>) throws {
    var trainer = trainer
    let state = states[members[0]]!
    let actions = try trainer.handle(.loaded(state))
    members.append(trainer.me)
    arrived.insert(trainer.me)
    states[trainer.me] = state
    trainers[trainer.me] = trainer
    take(actions, from: trainer.me)
  }

  mutating func lose(_ member: Member) {
    members.removeAll { $0 == member }
    trainers[member] = nil
    states[member] = nil
  }

  /// One round. `hurried`: member to the units it gets to compute before it is told to hurry.
  /// `dying`: members that compute and then are gone before the exchange.
  mutating func run(hurried: [Member: Int] = [:], dying: Set<Member> = []) throws {
    round += 1
    var contributions: [Member: Contribution] = [:]
    for member in members {
      let view = View(number: 1, members: arrived.contains(member) ? [] : assignment)
      var trainer = trainers[member]!
      var actions = try trainer.handle(.opened(round: round, view: view))
      var units = 0
      while trainer.hasWork {
        if units == hurried[member] {
          actions += try trainer.hurry()
        } else {
          actions += try trainer.work()
        }
        units += 1
      }
      trainers[member] = trainer
      for case .contribute(let contribution) in actions { contributions[member] = contribution }
      take(actions, from: member)
    }
    for member in dying { lose(member) }
    let view = View(number: 1, members: members)
    let outcome = Self.outcome(contributions, round: round, view: view)
    reported += outcome.contributors
    for member in members {
      var trainer = trainers[member]!
      let actions = try trainer.handle(.committed(outcome))
      trainers[member] = trainer
      take(actions, from: member)
    }
    (assignment, arrived) = (members, [])
  }

  static func outcome(_ contributions: [Member: Contribution], round: UInt64, view: View)
    -> RoundOutcome
  {
    let parts = view.members.map { contributions[$0]! }
    let total = parts.reduce(0) { $0 + $1.weight }
    var mean = [Double](repeating: 0, count: parts[0].values.count)
    for part in parts where total > 0 {
      for i in mean.indices { mean[i] += Double(part.values[i]) * (part.weight / total) }
    }
    return RoundOutcome(
      round: round, view: view,
      contributors: zip(view.members, parts).map {
        Contributor(member: $0, weight: $1.weight, note: $1.note)
      }, values: mean.map { Float($0) })
  }

  private mutating func take(_ actions: [TrainerAction], from member: Member) {
    for action in actions {
      switch action {
      case .publish(let state): states[member] = state
      case .save(let state): saved[member] = state
      case .progress(let part): progress.append(part)
      case .landed(let report): reports.append(report)
      case .note(let text): notes.append(text)
      case .finished: finished.insert(member)
      case .contribute, .send, .wake: break
      }
    }
  }

  /// All members' shared states, as bits, each different one once.
  var digests: Set<[UInt8]> { Set(members.map { states[$0]!.bits }) }
}

extension SharedState {
  /// Every bit of it, in one run: better than a digest, at this size.
  var bits: [UInt8] {
    var writer = ByteWriter()
    writer.put(round)
    for tensor in tensors {
      writer.put(tensor.name)
      for value in tensor.values { writer.put(value.bitPattern) }
    }
    writer.put(run: note)
    return writer.bytes
  }
}

extension Member {
  /// A member for tests, told apart by a number.
  static func toy(_ number: UInt8, life: UInt64 = 1) -> Member {
    Member(id: PeerID(bytes: Array(repeating: number, count: 32))!, incarnation: life)
  }
}
