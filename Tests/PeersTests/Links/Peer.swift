// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Foundation
import Logging
import Synchronization
import Testing

/// A peer in a test: a loop on a thread of its own, and a log of what its logic saw.
final class Peer: Sendable {
  /// Records events; answers frames whose first byte is `echo` with the same bytes.
  struct Recorder: PeerLogic {
    static let echo: UInt8 = 0xEC
    var events: [(Duration, LinkEvent)] = []
    var frames: [Frame] = []
    let seen: @Sendable (Recorder) -> Void

    mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
      defer { seen(self) }
      if case .received(let member, let frame) = event {
        if frame.payload.first == Self.echo {
          return [.send(member.id, Frame(frame.purpose, [0] + frame.payload.dropFirst()))]
        }
        frames.append(frame)
        return []
      }
      events.append((now, event))
      return []
    }
  }

  /// What the logic has seen, for other threads.
  private final class Board: Sendable {
    let latest = Mutex<(events: [(Duration, LinkEvent)], frames: [Frame])>(([], []))
    let changed = DispatchSemaphore(value: 0)
  }

  let loop: LinkLoop<Recorder>
  let identity: Identity
  let incarnation: UInt64
  private let board: Board
  private let ended = DispatchSemaphore(value: 0)
  /// Nothing on loopback takes this long.
  static let patience: TimeInterval = 20

  static let secret: RunSecret = {
    var generator = SplitMix64(Seed(7))
    return RunSecret.generated(using: &generator)
  }()

  static func settings(_ incarnation: UInt64 = 1, local: Bool = false) -> LinkSettings {
    var settings = LinkSettings(
      run: "test", admission: .secret(secret), incarnation: incarnation,
      listen: PeerAddress(host: "127.0.0.1", port: 0))
    settings.usesLocalSockets = local
    return settings
  }

  init(
    identity: Identity = Identity(), settings: LinkSettings = Peer.settings()
  ) throws {
    let board = Board()
    self.board = board
    self.identity = identity
    incarnation = settings.incarnation
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    loop = try LinkLoop(
      logic: Recorder { recorder in
        board.latest.withLock { $0 = (recorder.events, recorder.frames) }
        board.changed.signal()
      },
      identity: identity, settings: settings, logger: logger)
    let (loop, ended) = (loop, ended)
    Thread.detachNewThread {
      loop.run()
      ended.signal()
    }
  }

  var id: PeerID { identity.id }
  var member: Member { Member(id: id, incarnation: incarnation) }
  var address: PeerAddress { loop.address }
  var events: [LinkEvent] { board.latest.withLock { $0.events.map(\.1) } }
  var frames: [Frame] { board.latest.withLock { $0.frames } }

  func stop() {
    loop.stop()
    #expect(ended.wait(timeout: .now() + Self.patience) == .success, "the loop does not stop")
  }

  func perform(_ actions: LinkAction...) { loop.post { _, _ in actions } }

  /// Waits until the condition holds for what the logic saw.
  @discardableResult
  func wait(
    for what: String, sourceLocation: SourceLocation = #_sourceLocation,
    until condition: (Peer) -> Bool
  ) -> Bool {
    let deadline = DispatchTime.now() + Self.patience
    while !condition(self) {
      if board.changed.wait(timeout: deadline) == .timedOut {
        Issue.record("no \(what); seen: \(events)", sourceLocation: sourceLocation)
        return false
      }
    }
    return true
  }

  func waitForLink(to other: Peer, sourceLocation: SourceLocation = #_sourceLocation) {
    wait(for: "link", sourceLocation: sourceLocation) { $0.isLinked(to: other.member) }
  }

  func isLinked(to member: Member) -> Bool {
    var linked = false
    for event in events {
      switch event {
      case .linked(member, _): linked = true
      case .unlinked(member, _): linked = false
      default: break
      }
    }
    return linked
  }

  /// Why links were lost, in order.
  var losses: [LossCause] {
    events.compactMap { if case .unlinked(_, let cause) = $0 { cause } else { nil } }
  }

  /// Why dials failed, in order.
  var failures: [LossCause] {
    events.compactMap { if case .unreachable(_, let cause) = $0 { cause } else { nil } }
  }
}
