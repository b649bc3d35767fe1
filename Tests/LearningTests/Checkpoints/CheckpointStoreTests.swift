// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Foundation
import Testing

@Suite("CheckpointStore")
struct CheckpointStoreTests {
  private func store(_ disk: MemoryFileSystem, keep: Int = 3) throws -> CheckpointStore {
    try CheckpointStore(folder: "/run/checkpoints", keep: keep, fileSystem: disk)
  }

  private func message(_ body: () throws(CheckpointError) -> Void) -> String? {
    do throws(CheckpointError) {
      try body()
      return nil
    } catch { return error.description }
  }

  @Test("a checkpoint comes back as it was, bit for bit, and equal ones give equal bytes")
  func roundTrip() throws {
    let disk = MemoryFileSystem()
    let store = try store(disk)
    #expect(try store.loadNewest() == nil)
    #expect(try store.save(sample(42)) == "step-00000042")
    let loaded = try #require(try store.loadNewest())
    #expect(loaded.checkpoint == sample(42))
    #expect(loaded.name == "step-00000042")
    #expect(loaded.skipped.isEmpty)
    #expect(
      try disk.read("/run/checkpoints/latest", byteCountMax: 99) == Array("step-00000042\n".utf8))
    let other = MemoryFileSystem()
    try self.store(other).save(sample(42))
    for file in try disk.list("/run/checkpoints/step-00000042") {
      let path = "/run/checkpoints/step-00000042/\(file)"
      #expect(
        try disk.read(path, byteCountMax: 1 << 20) == other.read(path, byteCountMax: 1 << 20))
    }
  }

  @Test("values that are not numbers come back with their bits")
  func nonFinite() throws {
    let store = try store(MemoryFileSystem())
    let bits: [UInt32] = [0x7FC0_1234, 0xFF80_0000, 0x8000_0000, 1]
    let metadata = sample(1).metadata
    try store.save(
      Checkpoint(
        metadata: metadata,
        tensors: [
          NamedTensor(name: "w", shape: [4], values: bits.map { Float(bitPattern: $0) }),
          NamedTensor(name: "none", shape: [0, 3], values: []),
        ], ledger: SampleLedger()))
    let back = try store.load("step-00000001").tensors
    #expect(back.first { $0.name == "w" }?.values.map(\.bitPattern) == bits)
    #expect(back.first { $0.name == "none" }?.shape == [0, 3])
  }

  @Test("keeps the newest whole ones and never the torn instead of them")
  func prunes() throws {
    let disk = MemoryFileSystem()
    let store = try store(disk, keep: 2)
    for step in 1...4 as ClosedRange<UInt64> { try store.save(sample(step)) }
    #expect(try store.names() == ["step-00000004", "step-00000003"])
    for step in [3, 4] {
      try disk.damage("/run/checkpoints/step-0000000\(step)/model.safetensors") { $0.removeLast() }
    }
    try store.save(sample(5))
    #expect(try store.names() == ["step-00000005", "step-00000004", "step-00000003"])
    try store.save(sample(6))
    #expect(try store.names() == ["step-00000006", "step-00000005"])
  }

  @Test("a second checkpoint of a step lies beside the first and is the newer one")
  func sameStep() throws {
    let store = try store(MemoryFileSystem())
    try store.save(sample(7))
    #expect(try store.save(sample(7)) == "step-00000007.2")
    #expect(try store.loadNewest()?.name == "step-00000007.2")
  }

  @Test("a torn newest one is passed over, with the reason")
  func skipsTorn() throws {
    let disk = MemoryFileSystem()
    let store = try store(disk)
    try store.save(sample(1))
    try store.save(sample(2))
    try disk.damage("/run/checkpoints/step-00000002/local.safetensors") { $0[100] ^= 1 }
    let loaded = try #require(try store.loadNewest())
    #expect(loaded.checkpoint == sample(1))
    #expect(
      loaded.skipped.map(\.reason.description) == [
        "checkpoint-damaged: the file's bytes are not those that were written "
          + "(/run/checkpoints/step-00000002/local.safetensors). "
          + "An earlier checkpoint may be whole; resume from that."
      ])
  }

  @Test("says exactly what is wrong with a checkpoint")
  func messages() throws {
    let disk = MemoryFileSystem()
    let store = try store(disk)
    try store.save(sample(1))
    let place = "/run/checkpoints/step-00000001"
    let remedy = "An earlier checkpoint may be whole; resume from that."
    func load() -> String? {
      message { () throws(CheckpointError) in _ = try store.load("step-00000001") }
    }
    let count = try disk.read("\(place)/ledger.bin", byteCountMax: 1 << 20).count
    try disk.damage("\(place)/ledger.bin") { $0.removeLast(3) }
    #expect(
      load() == "checkpoint-damaged: the file is cut off: it has \(count - 3) bytes of \(count) "
        + "(\(place)/ledger.bin). \(remedy)")
    try disk.damage("\(place)/ledger.bin") { $0 += [0, 0, 0, 0] }
    #expect(
      load() == "checkpoint-damaged: the file is too long: it has \(count + 1) bytes of \(count) "
        + "(\(place)/ledger.bin). \(remedy)")
    try disk.remove("\(place)/ledger.bin")
    #expect(
      load() == "checkpoint-damaged: the file is missing (\(place)/ledger.bin). \(remedy)")
    #expect(
      message { () throws(CheckpointError) in _ = try store.loadNewest() }
        == "checkpoint-none-readable: none of 1 checkpoints can be read; the newest: "
        + "the file is missing (\(place)). "
        + "Run 'ferry checkpoint verify' for each; to begin anew, name another folder.")
    try disk.damage("\(place)/manifest.json") { $0 = Array("{\"format\": 9}".utf8) }
    #expect(
      load() == "checkpoint-unsupported: format 9; this program reads format 1 "
        + "(\(place)/manifest.json). Use the version of Ferry that wrote it.")
    try disk.damage("\(place)/manifest.json") { $0 = [] }
    #expect(
      load() == "checkpoint-damaged: the manifest is not one (\(place)/manifest.json). \(remedy)")
    try disk.remove("\(place)/manifest.json")
    #expect(
      load() == "checkpoint-damaged: there is no manifest (\(place)/manifest.json). \(remedy)")
    #expect(
      message { () throws(CheckpointError) in _ = try store.load("../secret") }
        == "checkpoint-missing: there is no checkpoint ../secret (/run/checkpoints). "
        + "Run 'ferry checkpoint list' for those there are.")
  }

  @Test("a full disk costs the new checkpoint and nothing else")
  func fullDisk() throws {
    let disk = MemoryFileSystem()
    let store = try store(disk)
    try store.save(sample(1))
    let model = try disk.read(
      "/run/checkpoints/step-00000001/model.safetensors", byteCountMax: 9999)
    var seen: Set<String> = []
    var used = "step-00000001\n".utf8.count
    for file in try disk.list("/run/checkpoints/step-00000001") {
      used += try disk.read("/run/checkpoints/step-00000001/\(file)", byteCountMax: 9999).count
    }
    for space in stride(from: 0, to: 4000, by: 50) {
      disk.limit(space: used + space)
      let before = try store.names()
      do throws(CheckpointError) {
        try store.save(sample(2))
        break
      } catch {
        seen.insert(error.what)
        #expect(error.code == .diskFull)
        #expect(
          error.remedy == "Earlier checkpoints are as they were (the newest is step-00000001); "
            + "free some space and go on.")
        #expect(error.place == "/run/checkpoints/step-00000002")
      }
      #expect(try store.names() == before)
      #expect(try disk.list("/run/checkpoints") == ["latest", "step-00000001"])
      #expect(try store.loadNewest()?.checkpoint == sample(1))
    }
    #expect(seen.count == 4)
    #expect(
      seen.contains("no space left while writing model.safetensors, \(model.count) bytes"))
    #expect(try store.loadNewest()?.checkpoint == sample(2))
  }

  @Test("a model that does not fit is refused with the names and shapes")
  func fits() throws {
    let checkpoint = sample(1)
    try checkpoint.requireFit([("scale", []), ("embed", [4, 3])])
    #expect(
      message { () throws(CheckpointError) in
        try checkpoint.requireFit(
          [("embed", [4, 5]), ("head", [3])], place: "runs/a/step-00000001")
      }
        == "checkpoint-mismatch: the model does not fit: embed is [4, 3], the model's is [4, 5]; "
        + "the checkpoint has no head [3]; the model has no scale [] (runs/a/step-00000001). "
        + "Use the configuration the checkpoint was written with, or start a new run.")
    #expect(
      message { () throws(CheckpointError) in
        try checkpoint.requireFit((0..<7).map { ("w\($0)", [1]) })
      }?.contains("the checkpoint has no w4 [1]; and 4 more differences") == true)
  }

  @Test("verify names every problem")
  func verifies() throws {
    let disk = MemoryFileSystem()
    let store = try store(disk)
    try store.save(sample(3))
    let clean = try store.verify("step-00000003")
    #expect(clean.isWhole)
    #expect(clean.ledger?.consumedCount == 12)
    #expect(clean.manifest?.samplesConsumed == 12)
    try disk.damage("/run/checkpoints/step-00000003/model.safetensors") { $0[9] ^= 4 }
    try disk.damage("/run/checkpoints/step-00000003/ledger.bin") { $0.removeFirst() }
    let count = try disk.read("/run/checkpoints/step-00000003/ledger.bin", byteCountMax: 9999).count
    #expect(
      try store.verify("step-00000003").problems == [
        "model.safetensors: the file's bytes are not those that were written",
        "ledger.bin: the file is cut off: it has \(count) bytes of \(count + 1)",
      ])
  }

  @Test("3,000 mutated manifests are refused or mean the same")
  func manifestMutations() throws {
    let disk = MemoryFileSystem()
    let store = try store(disk)
    try store.save(sample(2))
    let path = "/run/checkpoints/step-00000002/manifest.json"
    let original = try disk.read(path, byteCountMax: 9999)
    var generator = SplitMix64(Seed(4))
    var refused = 0
    for _ in 0..<3000 {
      var bytes = original
      bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
        .random(in: 0...255, using: &generator)
      try disk.damage(path) { $0 = bytes }
      do throws(CheckpointError) {
        #expect(try store.load("step-00000002") == sample(2))
      } catch { refused += 1 }
    }
    #expect(refused > 2000)
  }

  @Test("the machine's own disk: save, crash leftovers, list, a real full device")
  func realDisk() throws {
    let root = NSTemporaryDirectory() + "/ferry-store-\(ProcessInfo.processInfo.processIdentifier)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let disk = DiskFileSystem()
    let store = try CheckpointStore(folder: root + "/a/b", keep: 2)
    for step in 1...3 as ClosedRange<UInt64> { try store.save(sample(step)) }
    try disk.createFolder(root + "/a/b/.partial-step-00000009")
    try disk.write([1], to: root + "/a/b/.partial-step-00000009/model.safetensors")
    let again = try CheckpointStore(folder: root + "/a/b")
    #expect(try disk.list(root + "/a/b") == ["latest", "step-00000002", "step-00000003"])
    #expect(try again.loadNewest()?.checkpoint == sample(3))
    #expect(try again.list().map { try $0.manifest.get().metadata.step } == [3, 2])
    #expect(try CheckpointStore(reading: root + "/none").loadNewest() == nil)
    #if os(Linux)
      let error = #expect(throws: FileSystemError.self) { try disk.write([1], to: "/dev/full") }
      #expect(error?.cause == .full)
      #expect(error?.reason == "No space left on device")
    #endif
    let refused = message { () throws(CheckpointError) in
      _ = try CheckpointStore(folder: root + "/a/b/latest/x")
    }
    #expect(
      refused == "checkpoint-unwritable: cannot write the folder of checkpoints: Not a directory "
        + "(\(root)/a/b/latest/x). Earlier checkpoints are as they were (there is none yet); "
        + "check the folder and its permissions.")
  }
}
