// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What a run looks like from outside, at one moment, on one peer.
///
/// The session keeps it up to date on a `StatusBoard`; the progress display, `ferry status`, and
/// the metrics all read it there.
package struct RunStatus: Codable, Equatable, Sendable {
  package enum Phase: String, Codable, Sendable {
    case starting
    case catchingUp = "catching-up"
    case training, exchanging, validating, leaving, finished
  }

  package struct Peer: Codable, Equatable, Sendable {
    package enum State: String, Codable, Sendable {
      case member, joining, suspected, gone
    }

    /// The id, as `ferry identity show` prints it.
    package var id: String
    package var name: String
    package var address: String
    package var state: State
    package var isSelf: Bool
    package var isCoordinator: Bool
    /// Measured on the link; nil for this peer itself and before the first probe.
    package var roundTripSeconds: Double?
    /// What the way from there to here carries, in bytes a second; nil before it was measured.
    package var bytesPerSecond: Double?
    package var bytesSent: Int
    package var bytesReceived: Int

    package init(
      id: String, name: String, address: String, state: State, isSelf: Bool, isCoordinator: Bool,
      roundTripSeconds: Double?, bytesPerSecond: Double? = nil, bytesSent: Int,
      bytesReceived: Int
    ) {
      self.id = id
      self.name = name
      self.address = address
      self.state = state
      self.isSelf = isSelf
      self.isCoordinator = isCoordinator
      self.roundTripSeconds = roundTripSeconds
      self.bytesPerSecond = bytesPerSecond
      self.bytesSent = bytesSent
      self.bytesReceived = bytesReceived
    }
  }

  package var run: String
  /// The run's folder on this machine.
  package var folder: String
  package var pid: Int32
  package var phase: Phase = .starting
  package var round = 0
  package var rounds: Int
  /// Inner steps of this round done and planned, on this peer.
  package var step = 0
  package var steps: Int
  /// Mean training loss of late, in bits per byte; nil before the first step.
  package var loss: Double?
  /// The last validation, in bits per byte.
  package var validation: Double?
  /// Of all peers together.
  package var tokensPerSecond = 0.0
  package var tokens = 0
  package var view = 0
  /// Why the group is who it is: the sentence of the membership rule.
  package var viewReason = ""
  package var peers: [Peer] = []
  /// What this peer has sent, by purpose.
  package var sent = BytesByPurpose()
  /// What data-parallel training would have sent from this peer for the same steps.
  package var dataParallelBytes = 0
  package var elapsedSeconds = 0.0
  /// Until the last round, as far as can be told.
  package var remainingSeconds: Double?
  /// The line others join with; it carries the run's secret.
  package var joinLine: String?

  package init(run: String, folder: String, pid: Int32, rounds: Int, steps: Int) {
    self.run = run
    self.folder = folder
    self.pid = pid
    self.rounds = rounds
    self.steps = steps
  }

  /// How many times fewer bytes this peer sent than data-parallel would have; nil before any.
  package var savings: Double? {
    sent.total > 0 && dataParallelBytes > 0 ? Double(dataParallelBytes) / Double(sent.total) : nil
  }
}

/// The latest status, written by the session's threads and read by whoever watches.
package final class StatusBoard: Sendable {
  private let status: Mutex<RunStatus>

  package init(_ status: RunStatus) { self.status = Mutex(status) }

  package var current: RunStatus { status.withLock { $0 } }

  /// Changes some of it; keep the closure short, it holds a lock.
  package func update(_ change: (inout sending RunStatus) -> Void) {
    status.withLock { change(&$0) }
  }
}
