// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerrySimulation
import Testing

@Suite("Simulated disk")
struct SimulatedDiskTests {
  static let old = [UInt8](repeating: 1, count: 100)
  static let new = [UInt8](repeating: 2, count: 120)

  /// Replaces `run/state` by the book; with `flushing` false it trusts the rename alone.
  static func replace(_ disk: SimulatedDisk, flushing: Bool) throws(DiskFault) {
    try disk.write(new, to: "run/state.new")
    if flushing { try disk.flush("run/state.new") }
    try disk.rename("run/state.new", to: "run/state")
    try disk.flushDirectory("run")
  }

  static func prepared(_ seed: UInt64) throws -> SimulatedDisk {
    let disk = SimulatedDisk(seed: Seed(seed))
    try disk.write(old, to: "run/state")
    try disk.flush("run/state")
    try disk.flushDirectory("run")
    return disk
  }

  @Test("reads what was written, and names what is missing")
  func reads() throws {
    let disk = SimulatedDisk(seed: Seed(1))
    try disk.write([1, 2], to: "a/b")
    try disk.append([3], to: "a/b")
    #expect(try disk.read("a/b") == [1, 2, 3])
    #expect(disk.list("a") == ["a/b"])
    #expect(disk.list("") == [])
    try disk.remove("a/b")
    #expect(throws: DiskFault.notFound("a/b")) { try disk.read("a/b") }
    #expect(!disk.exists("a/b"))
  }

  @Test("keeps through a power loss what was flushed, and of the rest some first part")
  func powerLoss() throws {
    var lengths: Set<Int> = []
    for seed in 0..<50 as Range<UInt64> {
      let disk = SimulatedDisk(seed: Seed(seed))
      try disk.write([1, 2, 3], to: "log")
      try disk.flush("log")
      try disk.flushDirectory("")
      try disk.append([4, 5, 6], to: "log")
      disk.losePower()
      #expect(throws: DiskFault.powerLost) { try disk.read("log") }
      disk.powerUp()
      let left = try disk.read("log")
      #expect([1, 2, 3, 4, 5, 6].starts(with: left) && left.count >= 3)
      lengths.insert(left.count)
    }
    #expect(lengths == [3, 4, 5, 6])
  }

  @Test("a file replaced by the book is whole after a power loss at every step")
  func everyCrashPoint() throws {
    var seen: Set<UInt8> = []
    for step in 0..<5 {
      for seed in 0..<40 as Range<UInt64> {
        let disk = try Self.prepared(seed)
        disk.losePower(atOperation: disk.operationCount + step)
        try? Self.replace(disk, flushing: true)
        disk.losePower()
        disk.powerUp()
        let left = try disk.read("run/state")
        #expect(left == Self.old || left == Self.new)
        if step == 4 { #expect(left == Self.new) }
        seen.insert(left[0])
      }
    }
    #expect(seen == [1, 2])
  }

  @Test("a writer that forgets to flush before it renames is caught")
  func catchesMissingFlush() throws {
    var torn = 0
    for seed in 0..<40 as Range<UInt64> {
      let disk = try Self.prepared(seed)
      try Self.replace(disk, flushing: false)
      disk.losePower()
      disk.powerUp()
      let left = try disk.read("run/state")
      if left != Self.old, left != Self.new { torn += 1 }
    }
    #expect(torn > 10)
  }

  @Test("fails by chance, counts it, and leaves a first part of what was written")
  func errors() throws {
    let disk = SimulatedDisk(seed: Seed(2), errorChance: 0.5)
    var failures = 0
    for i in 0..<100 {
      do {
        try disk.write(Self.new, to: "file\(i)")
        #expect(try disk.read("file\(i)") == Self.new)
      } catch {
        failures += 1
        #expect([.full("file\(i)"), .inputOutput("file\(i)")].contains(error))
        #expect(Self.new.starts(with: try disk.read("file\(i)")))
      }
    }
    #expect(failures == disk.errorCount && failures > 20 && failures < 80)
    disk.setErrorChance(0)
    for i in 0..<100 { try disk.write([], to: "file\(i)") }
  }

  @Test("outlives a process; a power loss takes what was not flushed")
  func inWorld() throws {
    for (fault, kept) in [(ScriptedFault.Fault.crash(0), true), (.powerLoss(0), false)] {
      let world = World<Recorder>.recording(
        peers: 1, [ScriptedFault(at: .seconds(2), fault, lasting: .seconds(1))])
      world.inject(at: .seconds(1), peer: 0) { logic, _ in
        try? logic.birth.disk.write([1], to: "kept")
        try? logic.birth.disk.flush("kept")
        try? logic.birth.disk.flushDirectory("")
        try? logic.birth.disk.append([2], to: "kept")
        return []
      }
      try world.run(until: .seconds(4))
      let left = try world.disk(0).read("kept")
      #expect(kept ? left == [1, 2] : left.first == 1)
    }
  }

  @Test("in a world its faults are counted, and end when faults end")
  func countedInWorld() throws {
    let world = World<Recorder>.recording(peers: 1, until: .seconds(10)) { $0.diskChance = 1 }
    for second in [5, 15] {
      world.inject(at: .seconds(second), peer: 0) { logic, _ in
        try? logic.birth.disk.write([1], to: "file\(second)")
        return []
      }
    }
    try world.run(until: .seconds(20))
    #expect(world.faults.description == "disk 1")
    #expect(try world.disk(0).read("file15") == [1])
  }
}
