// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation
import Testing

extension ProgramTests {
  @Suite("Parity, as people see it")
  struct ParityCommandTests {
    private let yard: Yard

    init() throws { yard = try Yard() }

    private func write(_ name: String, _ change: (inout [Float]) -> Void = { _ in }) throws {
      var weights: [Float] = [1, 2, 3, 4, 5, 6]
      change(&weights)
      try Safetensors.write(
        [
          ("weight", HostTensor(weights, shape: [2, 3])), ("bias", HostTensor([0.5] as [Float])),
          ("step", HostTensor([7] as [Int64])),
        ], to: "\(yard.path)/\(name)")
    }

    @Test("equal files: one line, exit code 0")
    func equal() throws {
      try write("a.safetensors")
      try write("b.safetensors")
      let ended = try yard.ferry(["parity", "a.safetensors", "b.safetensors"])
      #expect(ended.status == 0 && ended.errors == "")
      #expect(
        ended.out == """
          A  a.safetensors
          B  b.safetensors
          equal, bit for bit: 3 tensors, 8 elements

          """)
    }

    @Test("the first tensor and element that differ are named, exit code 1")
    func different() throws {
      try write("a.safetensors")
      try write("b.safetensors") {
        $0[4] = $0[4].nextUp
        $0[5] = .nan
      }
      let ended = try yard.ferry(["parity", "a.safetensors", "b.safetensors"])
      #expect(ended.status == 1 && ended.errors == "")
      #expect(
        ended.out == """
          A  a.safetensors
          B  b.safetensors
          different: tensor "weight", element 4 (1, 1) of F32 [2, 3]: A has 0x40a00000 = 5.0, \
          B 0x40a00001 = 5.0000005, 1 ulp apart
          1 tensors differ, 2 elements; compared: 3 tensors, 8 elements

          TENSOR  DIFFERING  OF  ULPS  NAN  FIRST
          weight          2   6     1    1  (1, 1): 0x40a00000 0x40a00001

          """)
    }

    @Test("for scripts: one object, with every difference")
    func json() throws {
      try write("a.safetensors")
      try Safetensors.write(
        [("weight", HostTensor([1] as [Float])), ("other", HostTensor([1] as [Float]))],
        to: "\(yard.path)/b.safetensors")
      let ended = try yard.ferry(["parity", "a.safetensors", "b.safetensors", "--json"])
      #expect(ended.status == 1)
      #expect(
        ended.out == """
          {"differences":[{"first":"F32 [1]","kind":"only-in-first","tensor":"bias"},\
          {"kind":"only-in-second","second":"F32 [1]","tensor":"other"},\
          {"first":"I64 [1]","kind":"only-in-first","tensor":"step"},\
          {"first":"F32 [2, 3]","kind":"description","second":"F32 [1]","tensor":"weight"}],\
          "differing_elements":0,"elements":6,"first":"a.safetensors","is_equal":false,\
          "second":"b.safetensors","tensors":1}

          """)
    }

    @Test("folders of npy files, and single ones")
    func npy() throws {
      for (folder, value) in [("a", Float(1)), ("b", 2)] {
        try FileManager.default.createDirectory(
          atPath: "\(yard.path)/\(folder)", withIntermediateDirectories: true)
        try Npy.write(HostTensor([value]), to: "\(yard.path)/\(folder)/x.npy")
        try Npy.write(HostTensor([3] as [Float]), to: "\(yard.path)/\(folder)/y.npy")
      }
      let folders = try yard.ferry(["parity", "a", "b"])
      #expect(folders.status == 1)
      #expect(folders.out.contains("different: tensor \"x\", element 0 (0) of F32 [1]: A has"))
      #expect(try yard.ferry(["parity", "a/y.npy", "b/y.npy"]).status == 0)
      #expect(try yard.ferry(["parity", "a/x.npy", "b/y.npy"]).status == 1)
    }

    @Test("checkpoints of runs: the shared state, and with --local what is a peer's own")
    func checkpoints() throws {
      let arguments = ["train", "--alone"] + Yard.tiny + ["--set", "checkpoint.every=1"]
      for (run, seed) in [("one", "1"), ("two", "1"), ("three", "2")] {
        let ended = try yard.ferry(arguments + ["--run", run, "--set", "run.seed=\(seed)"])
        #expect(ended.status == 0, "\(ended.errors)")
      }
      let own = try yard.ferry(["parity", "one", "two", "--local"])
      #expect(own.status == 0, "\(own.out)\(own.errors)")
      let shared = try yard.ferry(["parity", "one", "two"])
      #expect(shared.status == 0)
      #expect(shared.out.contains("one/checkpoints/step-00000005, round 1\n"), "\(shared.out)")
      #expect(try yard.ferry(["parity", "one", "three"]).status == 1)
    }

    @Test("what cannot be read is refused, exit code 2")
    func refused() throws {
      try write("a.safetensors")
      try yard.ferry(
        ["parity", "a.safetensors", "nowhere"], ends: 2,
        saying: "run-not-found: there is nothing here that holds tensors (nowhere). Name a "
          + ".safetensors or .npy file, a folder of .npy files, a checkpoint or a run.")
      try yard.write("no tensors", to: "bad.safetensors")
      let ended = try yard.ferry(["parity", "bad.safetensors", "a.safetensors"])
      #expect(ended.status == 2 && ended.errors.hasPrefix("ferry: file-"), "\(ended.errors)")
    }
  }
}
