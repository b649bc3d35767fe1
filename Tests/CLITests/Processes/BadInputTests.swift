// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What a person sees who gives the built program something wrong.
@Suite("Bad input, through the program", .serialized)
struct BadInputTests {
  private let yard: Yard

  init() throws { yard = try Yard() }

  /// Runs; expects a status and the one sentence.
  private func expect(_ arguments: [String], ends status: Int32, saying sentence: String) throws {
    let result = try yard.ferry(arguments)
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.hasSuffix("ferry: \(sentence)\n"), "\(result.errors)")
  }

  private func train(_ extra: String..., role: [String] = ["--alone"]) -> [String] {
    ["train", "--run", "run"] + role + Yard.tiny + extra
  }

  @Test("a typo in the configuration names the nearest key")
  func typo() throws {
    try yard.write("[train]\nbacth = 4\n", to: "run.toml")
    try expect(
      ["train", "run.toml"], ends: 2,
      saying: "config-unknown-key: [train] has no key \"bacth\" (run.toml:2). "
        + "Did you mean \"batch\"?")
  }

  @Test("an empty text and one that is not there")
  func texts() throws {
    try yard.write("", to: "empty.txt")
    try expect(
      train("--text", "empty.txt"), ends: 2,
      saying: "text-empty: the text has no bytes (empty.txt). Name a file with text in it, "
        + "or run 'ferry data fetch kjv'.")
    try expect(
      train("--text", "nowhere.txt"), ends: 2,
      saying: "text-not-found: there is no such file or folder (nowhere.txt). Check the path, "
        + "or run 'ferry data fetch kjv' for a text to try.")
  }

  /// A first peer that trains for longer than any test.
  private func firstPeer() throws -> (process: FerryProcess, line: String, port: String) {
    let process = try FerryProcess(
      ["train", "--run", "first"] + Yard.tiny + ["--set", "run.rounds=1000000"], in: yard,
      log: "first")
    let isThere = waitUntil(within: 30) { yard.read("first/join").hasSuffix("\n") }
    try #require(isThere, "\(process.errors)")
    let line = yard.read("first/join").trimmingCharacters(in: .whitespacesAndNewlines)
    let port = line.dropFirst("ferry://".count).split(separator: "/")[0].split(separator: ":")[1]
    return (process, line, String(port))
  }

  @Test("a port in use")
  func portInUse() throws {
    let (first, _, port) = try firstPeer()
    // Kept: a process that nobody holds is killed, and its port is free again.
    try withExtendedLifetime(first) {
      try expect(
        train("--listen", "127.0.0.1:\(port)", role: []), ends: 1,
        saying: "port-in-use: another program listens on port \(port) (127.0.0.1:\(port)). "
          + "Choose another port, or 0 for any that is free, or stop that program.")
    }
  }

  @Test("a wrong secret is refused, garbage on the port is shrugged off, and the peer goes on")
  func strangers() throws {
    let (first, line, port) = try firstPeer()
    // Another first letter of the secret: all of them are letters of base64url.
    let at = line.range(of: "secret=")!.upperBound
    let wrong = line.replacingCharacters(in: at...at, with: line[at] == "A" ? "B" : "A")
    let result = try yard.ferry(["join", wrong, "--run", "second", "--identity", "second-id"])
    #expect(result.status == 1, "\(result.errors)")
    #expect(result.errors.contains("ferry: wrong-secret: "), "\(result.errors)")
    for bytes in ["GET / HTTP/1.1\r\n\r\n", String(repeating: "\u{7F}", count: 100_000)] {
      let garbage = Process()
      garbage.executableURL = URL(fileURLWithPath: "/bin/bash")
      garbage.arguments = ["-c", "printf '%s' \"$1\" > /dev/tcp/127.0.0.1/$0 || true", port, bytes]
      garbage.standardError = FileHandle.nullDevice
      try garbage.run()
      garbage.waitUntilExit()
    }
    let before = yard.read("first/events.jsonl").count
    #expect(waitUntil(within: 20) { yard.read("first/events.jsonl").count > before + 2000 })
    #expect(first.isRunning)
  }

  @Test("a model that does not fit the checkpoint, and a checkpoint that was cut off")
  func checkpoints() throws {
    #expect(try yard.ferry(train()).status == 0)
    let configured = yard.read("run/run.toml")
    let resumed = train("--resume", role: [])
    let misfit = try yard.ferry(resumed + ["--set", "model.width=64"])
    #expect(misfit.status == 1)
    #expect(
      misfit.errors.hasSuffix(
        "; and 12 more differences (\(yard.path)/run/checkpoints/step-00000005). Use the "
          + "configuration the checkpoint was written with, or start a new run.\n"),
      "\(misfit.errors)")
    #expect(
      misfit.errors.contains(
        "ferry: checkpoint-mismatch: the model does not fit: tokens.weight is [256, 32], "
          + "the model's is [256, 64]; "), "\(misfit.errors)")
    #expect(yard.read("run/run.toml") == configured, "a refused run changed the configuration kept")
    let file = "\(yard.path)/run/checkpoints/step-00000005/model.safetensors"
    let handle = try #require(FileHandle(forUpdatingAtPath: file))
    try handle.truncate(atOffset: 1000)
    try handle.close()
    try expect(
      resumed, ends: 1,
      saying: "checkpoint-none-readable: none of 1 checkpoints can be read; the newest: the file "
        + "is cut off: it has 1000 bytes of 242936 (\(yard.path)/run/checkpoints/step-00000005). "
        + "Run 'ferry checkpoint verify' for each; to begin anew, name another folder.")
    let verified = try yard.ferry(["checkpoint", "verify", "run"])
    #expect(verified.status == 1)
    #expect(
      verified.errors
        == "ferry: checkpoint-broken: 1 of 5 checks failed (run). Resume from an older "
        + "checkpoint; this one cannot be trusted.\n")
  }

  @Test("a loss that is not a number stops the run and says where")
  func diverged() throws {
    let result = try yard.ferry(
      train(
        "--set", "train.learning_rate=10", "--set", "train.warmup=0", "--set",
        "train.weight_decay=10", "--set", "train.clip=0", "--set", "train.inner_steps=200"))
    #expect(result.status == 1)
    #expect(result.errors.contains("ferry: not-finite: the "), "\(result.errors.suffix(500))")
    #expect(
      result.errors.hasSuffix(
        "Lower the learning rate or clip gradients; nothing was changed by this step.\n"),
      "\(result.errors.suffix(500))")
  }

  /// Mounting a small disk needs root.
  static let isRoot = getuid() == 0

  @Test(
    "a full disk during a checkpoint",
    .enabled(if: isRoot, "needs root, to mount a small disk"))
  func diskFull() throws {
    let disk = "\(yard.path)/disk"
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    func call(_ program: String, _ arguments: [String]) throws -> Int32 {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [program] + arguments
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus
    }
    guard try call("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]) == 0 else {
      print("skipped: this machine does not let even root mount a small disk")
      return
    }
    defer { _ = try? call("umount", [disk]) }
    try expect(
      train("--set", "checkpoint.folder=disk/kept"), ends: 1,
      saying: "disk-full: no space left while writing model.safetensors, 242936 bytes "
        + "(disk/kept/step-00000005). Earlier checkpoints are as they were (there is none yet); "
        + "free some space and go on.")
  }
}
