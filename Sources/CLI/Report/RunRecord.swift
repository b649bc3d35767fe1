// SPDX-License-Identifier: Apache-2.0

/// A run as its event logs tell it, put in order for the report.
///
/// Times are seconds from the first event of the run's own peers.
package struct RunRecord: Sendable {
  /// One peer: what it is called, when it lived, what it did.
  package struct Peer: Sendable {
    package var id: String
    package var name: String
    /// Its place in the order of joining; charts derive its color from it.
    package var index: Int
    package var lives: [Life] = []
    package var rounds: [At<Event.RoundCommitted>] = []
    package var catchUps: [At<Event.CatchUp>] = []
    package var finished: At<Event.Finished>?
    package var failure: At<Event.Failure>?
  }

  /// One process of a peer, from its start to its end.
  package struct Life: Sendable, Equatable {
    package enum Ending: Sendable { case finished, killed, failed, open }
    package var start: Double
    package var end: Double
    package var ending: Ending
    /// While it was stopped by SIGSTOP.
    package var pauses: [ClosedRange<Double>] = []
  }

  /// Something, and the second it happened.
  package struct At<Value: Sendable>: Sendable {
    package var time: Double
    package var value: Value
  }

  /// Points of one validation curve.
  package struct Curve: Sendable {
    package var points: [(tokens: Double, bits: Double)] = []
    /// Measured on more of the text at the end of the run: takes the place of the last points.
    package var end: (tokens: Double, bits: Double)?
    package var last: Double? { points.last?.bits }
  }

  package private(set) var run = "run"
  package private(set) var peers: [Peer] = []
  package private(set) var seconds = 0.0
  /// Milliseconds since 1970 of second 0.
  package private(set) var origin: Int64 = 0
  package private(set) var dataset: Event.Dataset?
  package private(set) var parameters: Int?
  package private(set) var digest: String?
  package private(set) var settings: [String: String] = [:]
  package private(set) var validation = Curve()
  package private(set) var onePeer = Curve()
  package private(set) var dataParallel = Curve()
  /// Each view once, when the first peer knew of it.
  package private(set) var views: [At<Event.View>] = []
  package private(set) var faults: [At<Event.Fault>] = []
  package private(set) var recoveries: [At<(by: String, Event.Recovery)>] = []
  package private(set) var checkpoints: [At<Event.CheckpointWritten>] = []
  package private(set) var sample: Event.Sample?

  /// - Parameter events: of any number of logs; each log's own events in order.
  package init(events: [Event]) {
    let parts = Self.parts(of: events)
    origin = zip(events, parts).filter { $0.1 == .run }.map(\.0.t).min() ?? 0
    for (event, part) in zip(events, parts) {
      switch part {
      case .run: add(event)
      case .onePeer: Self.add(event, to: &onePeer)
      case .dataParallel: Self.add(event, to: &dataParallel)
      }
      if case .dataset(let it) = event.content, dataset == nil || part == .run { dataset = it }
    }
    views.sort { ($0.time, $0.value.number) < ($1.time, $1.value.number) }
    faults.sort { $0.time < $1.time }
    sortCurve(\.validation)
    sortCurve(\.onePeer)
    sortCurve(\.dataParallel)
    peers.sort { ($0.lives.first?.start ?? 0, $0.id) < ($1.lives.first?.start ?? 0, $1.id) }
    for index in peers.indices { peers[index].index = index }
    endLives()
  }

  /// Which part each event belongs to: its writer's last `started` says so.
  private static func parts(of events: [Event]) -> [Event.Started.Part] {
    var current: [String: Event.Started.Part] = [:]
    return events.map { event in
      if case .started(let it) = event.content { current[event.peer] = it.part }
      return current[event.peer] ?? .run
    }
  }

  private static func add(_ event: Event, to curve: inout Curve) {
    switch event.content {
    case .validation(let it) where it.bitsPerByte.isFinite:
      curve.points.append((Double(it.tokens), it.bitsPerByte))
    case .finished(let it):
      guard let bits = it.bitsPerByte, bits.isFinite else { return }
      curve.end = (Double(it.tokens), bits)
    default: break
    }
  }

  /// All peers measure the same parameters, so each number of tokens counts once.
  private mutating func sortCurve(_ path: WritableKeyPath<RunRecord, Curve>) {
    var seen: Set<Double> = []
    self[keyPath: path].points = self[keyPath: path].points.sorted { $0.tokens < $1.tokens }
      .filter { seen.insert($0.tokens).inserted }
    if let end = self[keyPath: path].end {
      self[keyPath: path].points.removeAll { $0.tokens >= end.tokens }
      self[keyPath: path].points.append(end)
    }
  }

  private func second(_ event: Event) -> Double { max(0, Double(event.t - origin) / 1000) }

  private mutating func add(_ event: Event) {
    let time = second(event)
    seconds = max(seconds, time)
    switch event.content {
    case .started(let it):
      run = it.run
      parameters = it.parameters
      digest = it.digest
      settings = it.settings
      let at = index(of: event.peer)
      peers[at].name = it.name
      peers[at].lives.append(Life(start: time, end: time, ending: .open))
    case .view(let it):
      if let known = views.firstIndex(where: { $0.value.number == it.number }) {
        views[known].time = min(views[known].time, time)
      } else {
        views.append(At(time: time, value: it))
      }
    case .roundCommitted(let it):
      peers[index(of: event.peer)].rounds.append(At(time: time, value: it))
    case .validation: Self.add(event, to: &validation)
    case .fault(let it): faults.append(At(time: time, value: it))
    case .recovery(let it): recoveries.append(At(time: time, value: (event.peer, it)))
    case .checkpoint(let it): checkpoints.append(At(time: time, value: it))
    case .catchUp(let it): peers[index(of: event.peer)].catchUps.append(At(time: time, value: it))
    case .sample(let it): sample = it
    case .finished(let it):
      Self.add(event, to: &validation)
      peers[index(of: event.peer)].finished = At(time: time, value: it)
      endLife(of: event.peer, at: time, .finished)
    case .error(let it):
      if let known = peers.firstIndex(where: { $0.id == event.peer }) {
        peers[known].failure = At(time: time, value: it)
        endLife(of: event.peer, at: time, .failed)
      }
    case .dataset, .joined, .left, .roundOpened, .step: break
    }
    if let at = peers.firstIndex(where: { $0.id == event.peer }),
      let life = peers[at].lives.indices.last
    {
      peers[at].lives[life].end = max(peers[at].lives[life].end, time)
    }
  }

  private mutating func index(of id: String) -> Int {
    if let known = peers.firstIndex(where: { $0.id == id }) { return known }
    peers.append(Peer(id: id, name: String(id.suffix(6)), index: peers.count))
    return peers.count - 1
  }

  private mutating func endLife(of id: String, at time: Double, _ ending: Life.Ending) {
    guard let at = peers.firstIndex(where: { $0.id == id }), let last = peers[at].lives.indices.last
    else { return }
    peers[at].lives[last].end = time
    peers[at].lives[last].ending = ending
  }

  /// Puts faults, which others wrote down, into the lives they hit.
  private mutating func endLives() {
    for fault in faults {
      guard let at = peers.firstIndex(where: { $0.id == fault.value.target }),
        let life = peers[at].lives.lastIndex(where: { $0.start <= fault.time })
      else { continue }
      switch fault.value.what {
      case "SIGKILL":
        peers[at].lives[life].end = fault.time
        peers[at].lives[life].ending = .killed
      case "SIGSTOP": peers[at].lives[life].pauses.append(fault.time...max(fault.time, seconds))
      case "SIGCONT":
        if let pause = peers[at].lives[life].pauses.popLast() {
          peers[at].lives[life].pauses.append(
            pause.lowerBound...max(pause.lowerBound, fault.time))
        }
      default: break
      }
    }
  }

  /// A sentence of the membership rule with people's names in place of the ends of ids.
  package func named(_ sentence: String) -> String {
    peers.reduce(sentence) { $0.replacing(String($1.id.suffix(6)), with: $1.name) }
  }

  /// What people call a peer.
  package func name(of id: String) -> String {
    peers.first { $0.id == id }?.name ?? String(id.suffix(6))
  }
}
