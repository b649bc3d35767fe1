// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension ProgramTests {
  @Suite("Resuming")
  struct ResumeTests {
    private let yard: Yard

    init() throws { yard = try Yard() }

    @Test(
      "a run that goes on from a checkpoint ends with the bits of one that was never interrupted",
      arguments: ["diloco", "data-parallel"])
    func bitExact(strategy: String) throws {
      let arguments =
        ["train", "--alone"] + Yard.tiny + [
          "--set", "run.rounds=6", "--set", "checkpoint.every=3", "--set",
          "train.strategy=\(strategy)",
        ]
      #expect(try yard.ferry(arguments + ["--run", "whole"]).status == 0)
      let steps = strategy == "diloco" ? [15, 30] : [3, 6]
      let names = steps.map {
        "checkpoints/step-\(String(repeating: "0", count: 6))\($0 < 10 ? "0" : "")\($0)"
      }
      // What a peer leaves that is killed after the first of the two.
      try FileManager.default.copyItem(
        atPath: "\(yard.path)/whole", toPath: "\(yard.path)/resumed")
      try FileManager.default.removeItem(atPath: "\(yard.path)/resumed/\(names[1])")
      let resumed = try yard.ferry(arguments + ["--run", "resumed", "--resume"])
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(resumed.errors.contains("Going on from \(names[0].dropFirst(12)), round 3\n"))
      for file in ["model.safetensors", "local.safetensors", "ledger.bin"] {
        func bytes(_ run: String) -> Data? {
          FileManager.default.contents(atPath: "\(yard.path)/\(run)/\(names[1])/\(file)")
        }
        #expect(bytes("whole") != nil && bytes("whole") == bytes("resumed"), "\(file)")
      }
      #expect(try yard.ferry(["checkpoint", "verify", "resumed"]).status == 0)
    }

    @Test("the event log opens no round after the last")
    func lastRound() throws {
      #expect(
        try yard.ferry(
          ["train", "--alone", "--run", "run"] + Yard.tiny + ["--set", "run.rounds=3"]
        )
        .status == 0)
      let opened = yard.read("run/events.jsonl").split(separator: "\n").filter {
        $0.contains("\"round-opened\"")
      }
      #expect(opened.count == 3)
    }
  }
}
