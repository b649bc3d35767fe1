// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryLearning
import FerrySimulation
import FerryStrategies
import Synchronization

/// One peer's checkpoints, written by the production store on a simulated disk.
final class Notebook: Sendable {
  private static let folder = "/run/checkpoints"

  private struct Counts {
    var saved = 0
    var refused = 0
    /// The round of the last save that returned.
    var acknowledged: UInt64 = 0
  }

  private let fileSystem: SimulatedFileSystem
  private let layout: ParameterLayout
  private let counts = Mutex(Counts())

  init(on disk: SimulatedDisk, layout: ParameterLayout) {
    fileSystem = SimulatedFileSystem(disk)
    self.layout = layout
  }

  var saved: Int { counts.withLock(\.saved) }
  var refused: Int { counts.withLock(\.refused) }
  var acknowledged: UInt64 { counts.withLock(\.acknowledged) }

  /// A disk that fails costs this checkpoint and no other.
  func save(_ state: TrainerState, digest: [UInt8]) {
    do {
      let checkpoint = try state.checkpoint(
        layout: layout, run: "toy", seed: Seed(1), configurationDigest: "c",
        parityHash: "\(digest.count)", textFingerprint: "t")
      let store = try CheckpointStore(folder: Self.folder, keep: 2, fileSystem: fileSystem)
      try store.save(checkpoint)
      counts.withLock {
        $0.saved += 1
        $0.acknowledged = state.shared.round
      }
    } catch {
      counts.withLock { $0.refused += 1 }
    }
  }

  /// The newest checkpoint that can be read; nil when there is none.
  func newest() throws -> TrainerState? {
    let store = CheckpointStore(reading: Self.folder, fileSystem: fileSystem)
    guard let loaded = try store.loadNewest() else { return nil }
    return try TrainerState(loaded.checkpoint, layout: layout)
  }

  /// What an audit of all checkpoints complains of.
  func problems() throws -> [String] {
    let store = CheckpointStore(reading: Self.folder, fileSystem: fileSystem)
    return try store.names().flatMap { name in
      let audit = try store.verify(name)
      return audit.problems + (audit.ledger?.problems ?? ["no ledger"])
    }
  }
}
