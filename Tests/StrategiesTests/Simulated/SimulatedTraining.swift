// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryLearning
import FerryPeers
import FerrySimulation
import FerryStrategies

/// A run in a world, with the checkers that must hold in it.
final class SimulatedTraining<S: Strategy> {
  typealias Peer = SimulatedPeer<S>

  /// What outlives processes.
  final class Shelf {
    var notebooks: [Int: Notebook] = [:]
    var hasFounded = false
    /// The peer that goes on from its newest checkpoint when it next starts.
    var resumer: Int?
    var resumed: TrainerState?
    var complaint: String?
  }

  let world: World<Peer>
  let shelf: Shelf
  let history: History<S>

  init(
    seed: Seed, peers: Int, plan: FaultPlan, strategy: S, quorum: Membership.Quorum,
    codec: CodecKind = .float32, links: LinkModel = .lan, unitMax: Duration = .milliseconds(60),
    corrupting: (peer: Int, round: UInt64)? = nil
  ) {
    var settings = GroupLogic.Settings(codec: codec, seed: seed, quorum: quorum)
    settings.patience.workFirst = .seconds(10)
    settings.patience.workMin = .seconds(4)
    let replica = QuadraticReplica(noise: 0.3, optimizer: .momentum(0.5))
    let options = Trainer<S, QuadraticReplica>.Options(
      batchSize: 3, roundLast: 1 << 40, learningRate: LearningRate(peak: 0.05), saveEvery: 5)
    // One peer computes much more slowly than the others.
    let slow = Int(seed.value % UInt64(peers))
    let (shelf, history) = (Shelf(), History<S>())
    (self.shelf, self.history) = (shelf, history)
    world = World(seed: seed, peers: peers, plan: plan, links: links) { [settings] birth in
      let notebook =
        shelf.notebooks[birth.index] ?? Notebook(on: birth.disk, layout: replica.layout)
      shelf.notebooks[birth.index] = notebook
      var beginning = Peer.Beginning.joining
      if birth.index == 0, !shelf.hasFounded {
        shelf.hasFounded = true
        beginning = .founding
      } else if shelf.resumer == birth.index {
        shelf.resumer = nil
        do {
          shelf.resumed = try notebook.newest()
          if let state = shelf.resumed {
            beginning = .resuming(state)
            history.rewind(to: state.shared.round)
          }
        } catch { shelf.complaint = "\(error)" }
      }
      var peer = Peer(
        me: birth.member, settings: settings,
        trainer: Trainer(
          me: birth.member, replica: replica, strategy: strategy, options: options),
        beginning: beginning, seek: birth.addresses.filter { $0 != birth.address },
        unitMax: birth.index == slow ? unitMax * 4 : unitMax, notebook: notebook,
        seed: birth.seed)
      if let corrupting, corrupting.peer == birth.index { peer.corruptsAt = corrupting.round }
      return peer
    }
    world.add(Always("no trainer fails") { logic, _ in logic.failure })
    world.add(history)
  }

  func run(until seconds: Double) throws(WorldFailure) {
    try world.run(until: .seconds(seconds))
  }

  private func each<Result>(_ body: (borrowing Peer) -> Result) -> [Result] {
    (0..<world.peerCount).compactMap { world.withLogic($0, body) }
  }

  /// The furthest round that any living peer has made part of its parameters.
  var round: UInt64 { each { $0.trainer.round }.max() ?? 0 }

  /// Living peers that are behind the furthest, or not in the group.
  var laggards: [Int] {
    (0..<world.peerCount).filter { peer in
      let round = world.withLogic(peer) { $0.group.view == nil ? 0 : $0.trainer.round }
      return (round ?? self.round) + 1 < self.round
    }
  }

  /// Why no group can ever go on again; nil while one can.
  var lostForGood: String? {
    guard each({ $0.group.membership.standing.holdsState && $0.group.view != nil }).contains(true)
    else { return "nobody alive holds the state" }
    let views = each { $0.group.view }.compactMap(\.self)
    guard let last = views.max(by: { $0.number < $1.number }) else { return "no view is left" }
    let able = each { $0.group.view == last ? $0.group.me : nil }.compactMap(\.self)
    let votes = last.members.filter(able.contains).count
    return 2 * votes > last.members.count
      ? nil : "\(votes) of \(last.members.count) members of view \(last.number) are left"
  }

  /// One line a peer, for a failure.
  var state: String {
    (0..<world.peerCount).map { peer in
      world.withLogic(peer) { logic in
        """
        \n  peer-\(peer): view \(logic.group.view?.number ?? 0), round \(logic.group.committed), \
        applied \(logic.trainer.round), \(logic.loads) loads, \(logic.evictions) evictions, \
        \(logic.group.membership.waitingFor ?? "content"), last: \(logic.reasons.last ?? "-")
        """
      } ?? "\n  peer-\(peer): dead"
    }.joined()
  }
}
