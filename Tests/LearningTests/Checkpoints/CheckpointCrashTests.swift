// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

/// Stops the machine before every single operation of the writer, and looks at what a reboot finds.
@Suite("CheckpointStore, crashes")
struct CheckpointCrashTests {
  private static let folder = "/run/checkpoints"

  /// Saves checkpoints until the machine stops; the last step whose save returned.
  private static func saveAll(
    _ steps: ClosedRange<UInt64>, keep: Int, on disk: MemoryFileSystem
  ) -> UInt64 {
    var acknowledged: UInt64 = 0
    do throws(CheckpointError) {
      let store = try CheckpointStore(folder: folder, keep: keep, fileSystem: disk)
      for step in steps {
        try store.save(sample(step))
        acknowledged = step
      }
    } catch {}
    return acknowledged
  }

  private static let crashes: [MemoryFileSystem.Crash] =
    [.losing, .keeping] + (0..<12).map { .tearing(Seed($0)) }

  @Test("at every crash point the newest readable is never older than the last acknowledged")
  func everyCrashPoint() throws {
    let whole = MemoryFileSystem()
    #expect(Self.saveAll(1...4, keep: 2, on: whole) == 4)
    var newer = 0
    for point in 0...whole.operations {
      let disk = MemoryFileSystem(crashAt: point)
      let acknowledged = Self.saveAll(1...4, keep: 2, on: disk)
      for crash in Self.crashes {
        let after = disk.crashed(crash)
        let store = try CheckpointStore(folder: Self.folder, keep: 2, fileSystem: after)
        let loaded = try? store.loadNewest()
        let step = loaded?.checkpoint.metadata.step ?? 0
        #expect(step >= acknowledged, "crash before operation \(point), \(crash)")
        if let loaded { #expect(loaded.checkpoint == sample(step)) }
        if step > acknowledged { newer += 1 }
        // A name that is there stands for a whole checkpoint, whatever was lost.
        #expect(loaded == nil || loaded!.skipped.isEmpty)
        // Opening has tidied up, and the run goes on from here.
        #expect(try after.list(Self.folder).allSatisfy { !$0.hasPrefix(".") })
        try store.save(sample(step + 1))
        #expect(try store.loadNewest()?.checkpoint == sample(step + 1))
      }
    }
    // Some crashes fall between the rename and the return.
    try #require(newer > 0)
  }

  @Test("two crashes in a row, the second while going on after the first, lose nothing either")
  func twoCrashes() throws {
    let whole = MemoryFileSystem()
    _ = Self.saveAll(1...2, keep: 1, on: whole)
    for first in stride(from: 0, through: whole.operations, by: 3) {
      let disk = MemoryFileSystem(crashAt: first)
      let before = Self.saveAll(1...2, keep: 1, on: disk)
      for second in 0..<40 {
        let rebooted = disk.crashed(.tearing(Seed(UInt64(second))))
        rebooted.crash(at: second)
        let acknowledged = max(before, Self.saveAll(3...4, keep: 1, on: rebooted))
        let after = rebooted.crashed(.tearing(Seed(UInt64(second + 1))))
        let found = try? CheckpointStore(reading: Self.folder, fileSystem: after).loadNewest()
        #expect((found?.checkpoint.metadata.step ?? 0) >= acknowledged)
      }
    }
  }

  @Test("a disk that fails at any one operation leaves the last acknowledged readable")
  func fullAtEveryOperation() throws {
    for space in stride(from: 0, through: 9000, by: 97) {
      let disk = MemoryFileSystem(space: space)
      let acknowledged = Self.saveAll(1...4, keep: 2, on: disk)
      let after = disk.crashed(.losing)
      let found = try CheckpointStore(reading: Self.folder, fileSystem: after).loadNewest()
      #expect((found?.checkpoint.metadata.step ?? 0) >= acknowledged)
    }
  }

  @Test("a folder whose opening failed once keeps what is saved after it was opened again")
  func openedAgain() throws {
    let whole = MemoryFileSystem()
    _ = try CheckpointStore(folder: Self.folder, keep: 2, fileSystem: whole)
    for point in 0..<whole.operations {
      let disk = MemoryFileSystem(crashAt: point)
      #expect(throws: CheckpointError.self) {
        try CheckpointStore(folder: Self.folder, keep: 2, fileSystem: disk)
      }
      disk.crash(at: nil)
      #expect(Self.saveAll(1...1, keep: 2, on: disk) == 1)
      let after = disk.crashed(.losing)
      let found = try? CheckpointStore(reading: Self.folder, fileSystem: after).loadNewest()
      #expect(found?.checkpoint == sample(1), "failed at operation \(point)")
    }
  }

  @Test("the crash test notices a writer that does not flush")
  func negativeControl() throws {
    let disk = MemoryFileSystem()
    try disk.createFolder("/a")
    try disk.write([1, 2, 3], to: "/a/x")
    try disk.rename("/a/x", to: "/a/y")
    #expect(try disk.crashed(.losing).kind(of: "/a") == nil)
    try disk.flush(folder: "/")
    try disk.flush(folder: "/a")
    #expect(try disk.crashed(.losing).read("/a/y", byteCountMax: 9) == [])
    try disk.flush(file: "/a/y")
    #expect(try disk.crashed(.losing).read("/a/y", byteCountMax: 9) == [1, 2, 3])
  }
}
