// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension ProgramTests {
  /// What a person sees who gives the built program something wrong.
  @Suite("Bad input")
  struct BadInputTests {
    private let yard: Yard

    init() throws { yard = try Yard() }

    private func train(_ extra: String..., role: [String] = ["--alone"]) -> [String] {
      ["train", "--run", "run"] + role + Yard.tiny + extra
    }

    @Test("a typo in the configuration names the nearest key")
    func typo() throws {
      try yard.write("[train]\nbacth = 4\n", to: "run.toml")
      try yard.ferry(
        ["train", "run.toml"], ends: 2,
        saying: "config-unknown-key: [train] has no key \"bacth\" (run.toml:2). "
          + "Did you mean \"batch\"?")
    }

    @Test("a text that is empty, not there, unreadable, too short, or no text")
    func texts() throws {
      try yard.write("", to: "empty.txt")
      try yard.ferry(
        train("--text", "empty.txt"), ends: 2,
        saying: "text-empty: the text has no bytes (empty.txt). Name a file with text in it, "
          + "or run 'ferry data fetch kjv'.")
      try yard.ferry(
        train("--text", "nowhere.txt"), ends: 2,
        saying: "text-not-found: there is no such file or folder (nowhere.txt). Check the path, "
          + "or run 'ferry data fetch kjv' for a text to try.")
      // Opens, and does not read, even for root.
      #if os(Linux)
        try yard.ferry(
          train("--text", "/proc/self/mem"), ends: 2,
          saying: "text-unreadable: cannot read the text: Input/output error (/proc/self/mem). "
            + "Check its permissions.")
      #endif
      try yard.write("ab\u{0}c", to: "binary.txt")
      try yard.ferry(
        train("--text", "binary.txt"), ends: 2,
        saying: "text-not-text: byte 2 is zero, which no text holds (binary.txt). Unpack it, "
          + "or convert it to UTF-8, first.")
      try yard.write(String(repeating: "a", count: 100), to: "short.txt")
      try yard.ferry(
        train("--text", "short.txt"), ends: 2,
        saying: "text-too-short: the validation part has 5 of the text's 100 bytes, and one window "
          + "takes 33 (short.txt). Use a longer text or a shorter context.")
    }

    @Test("a port in use, by links or by metrics")
    func portInUse() throws {
      let listener = try StrangePeer.Listener()
      let at = "127.0.0.1:\(listener.port)"
      try yard.ferry(
        train("--listen", at, role: []), ends: 2,
        saying: "port-in-use: another program listens on port \(listener.port) (\(at)). "
          + "Choose another port, or 0 for any that is free, or stop that program.")
      try yard.ferry(
        train("--metrics", "\(listener.port)"), ends: 2,
        saying: "port-in-use: the port is in use (\(at), --metrics). Choose another port with "
          + "--metrics, or 0 to serve nothing.")
      let json = try yard.ferry(train("--listen", at, "--json", role: []))
      #expect(json.status == 2 && json.errors == "")
      #expect(
        json.out
          == "{\"error\":{\"code\":\"port-in-use\",\"place\":\"\(at)\",\"remedy\":\"Choose another port, "
          + "or 0 for any that is free, or stop that program.\",\"what\":\"another program listens on "
          + "port \(listener.port)\"}}\n")
    }

    @Test("a model that does not fit the checkpoint changes nothing")
    func misfit() throws {
      #expect(try yard.ferry(train()).status == 0)
      let configured = yard.read("run/run.toml")
      try yard.ferry(
        train("--resume", "--set", "model.width=64", role: []), ends: 2,
        saying:
          "checkpoint-mismatch: the model does not fit: tokens.weight is [256, 32], the model's "
          + "is [256, 64]; positions.weight is [32, 32], the model's is [32, 64]; "
          + "blocks.0.norm1.weight is [32], the model's is [64]; blocks.0.norm1.bias is [32], the "
          + "model's is [64]; blocks.0.attention.qkv.weight is [32, 96], the model's is [64, 192]; "
          + "and 12 more differences (\(yard.path)/run/checkpoints/step-00000005). Use the "
          + "configuration the checkpoint was written with, or start a new run.")
      #expect(
        yard.read("run/run.toml") == configured, "a refused run changed the configuration kept")
      #expect(try yard.ferry(["checkpoint", "verify", "run"]).status == 0)
    }

    @Test("safetensors that were cut off, that lie, or are not there are not resumed from")
    func damagedCheckpoints() throws {
      #expect(try yard.ferry(train()).status == 0)
      let place = "\(yard.path)/run/checkpoints/step-00000005"
      let file = "\(place)/model.safetensors"
      let whole = try #require(FileManager.default.contents(atPath: file))
      func refused(_ what: String) throws {
        try yard.ferry(
          train("--resume", role: []), ends: 2,
          saying:
            "checkpoint-none-readable: none of 1 checkpoints can be read; the newest: \(what) "
            + "(\(place)). Run 'ferry checkpoint verify' for each; to begin anew, name another folder."
        )
        try yard.ferry(
          ["generate", "run"], ends: 2,
          saying:
            "checkpoint-damaged: \(what) (run/checkpoints/step-00000005/model.safetensors). "
            + "An earlier checkpoint may be whole; resume from that.")
        try yard.ferry(
          ["checkpoint", "verify", "run"], ends: 1,
          saying: "checkpoint-broken: 1 of 5 checks failed (run). Resume from an older checkpoint; "
            + "this one cannot be trusted.")
      }
      try whole.prefix(1000).write(to: URL(fileURLWithPath: file))
      try refused("the file is cut off: it has 1000 bytes of 242936")
      // A header that says it is longer than the file; then one whose tensor lies beyond the end.
      var lying = whole
      lying.replaceSubrange(0..<8, with: [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])
      try lying.write(to: URL(fileURLWithPath: file))
      try refused("the file's bytes are not those that were written")
      lying = whole
      let offset = try #require(whole.range(of: Data("\"data_offsets\":[".utf8)))
      lying[offset.upperBound] = UInt8(ascii: "9")
      try lying.write(to: URL(fileURLWithPath: file))
      try refused("the file's bytes are not those that were written")
      try FileManager.default.removeItem(atPath: file)
      try refused("the file is missing")
    }

    @Test("a loss that is not a number stops the run and says where")
    func diverged() throws {
      try yard.ferry(
        train(
          "--set", "train.learning_rate=10", "--set", "train.warmup=0", "--set",
          "train.weight_decay=10", "--set", "train.clip=0", "--set", "train.inner_steps=200"),
        ends: 1,
        saying: "not-finite: the loss is nan (inner step 10 at learning rate 9.955107). Lower the "
          + "learning rate or clip gradients; nothing was changed by this step.")
    }

    @Test("a checkpoint that the system refuses to write leaves the earlier ones as they were")
    func fileTooLarge() throws {
      #expect(try yard.ferry(train()).status == 0)
      let kept = try #require(
        FileManager.default.contents(
          atPath: "\(yard.path)/run/checkpoints/step-00000005/model.safetensors"))
      try yard.ferry(
        train("--resume", "--set", "run.rounds=2", role: []), ends: 1,
        saying:
          "checkpoint-unwritable: cannot write model.safetensors, 242936 bytes: File too large "
          + "(\(yard.path)/run/checkpoints/step-00000010). Earlier checkpoints are as they were (the "
          + "newest is step-00000005); check the folder and its permissions.", kibibytesMax: 100)
      #expect(
        FileManager.default.contents(
          atPath: "\(yard.path)/run/checkpoints/step-00000005/model.safetensors") == kept)
      let verified = try yard.ferry(["checkpoint", "verify", "run"])
      #expect(verified.status == 0 && verified.out.contains("none lost, none twice"))
      #expect(try yard.ferry(train("--resume", "--set", "run.rounds=2", role: [])).status == 0)
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
      try yard.ferry(
        train("--set", "checkpoint.folder=disk/kept"), ends: 1,
        saying: "disk-full: no space left while writing model.safetensors, 242936 bytes "
          + "(disk/kept/step-00000005). Earlier checkpoints are as they were (there is none yet); "
          + "free some space and go on.")
    }
  }
}
