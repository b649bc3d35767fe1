// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerrySimulation

/// Does nothing of itself but dial the peers after it once; writes down what it sees, with the
/// milliseconds of its own clock since it started.
struct Recorder: PeerLogic {
  let birth: Birth
  var lines: [String] = []
  var milliseconds: [Int] = []
  var received: [UInt8] = []
  var members: [Member] = []

  init(_ birth: Birth) { self.birth = birth }

  mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    milliseconds.append(Int((now - birth.now) / .milliseconds(1)))
    switch event {
    case .woke:
      lines.append("woke")
      guard lines.count == 1 else { return [] }
      return birth.addresses[birth.index...].dropFirst().map { .dial($0) }
    case .linked(let member, let address):
      members.append(member)
      lines.append("linked \(address?.host ?? "?")")
    case .unlinked(_, let cause): lines.append("unlinked \(Self.text(cause))")
    case .unreachable(let address, let cause):
      lines.append("unreachable \(address.host) \(Self.text(cause))")
    case .received(_, let frame):
      lines.append("received")
      received += frame.payload
    }
    return []
  }

  static func text(_ cause: LossCause) -> String {
    switch cause {
    case .silent: "silent"
    case .processGone: "gone"
    case .closed(let why): "closed: \(why)"
    case .hungUp(let why): "hung up: \(why)"
    }
  }
}

extension LinkModel {
  /// 10 ms one way, always.
  static var steady: LinkModel {
    LinkModel(
      latency: .milliseconds(10) ... .milliseconds(10), jitter: .zero,
      bytesPerSecond: 1_000_000_000, alarmDelayMax: .zero)
  }
}

extension World<Recorder> {
  static func recording(
    peers: Int = 2, seed: UInt64 = 1, until: Duration = .seconds(60),
    _ script: [ScriptedFault] = [], change: (inout FaultPlan) -> Void = { _ in }
  ) -> World<Recorder> {
    var plan = FaultPlan(until: until)
    plan.script = script
    change(&plan)
    return World(seed: Seed(seed), peers: peers, plan: plan, links: .steady, make: Recorder.init)
  }

  func lines(_ peer: Int) -> [String] { logic(peer)?.lines ?? ["no process"] }

  /// Sends one byte from a peer to another at a time.
  func send(_ byte: UInt8, from: Int, to: Int, at: Duration) {
    let id = member(to).id
    inject(at: at, peer: from) { _, _ in [.send(id, Frame(.exchange, [byte]))] }
  }
}
