// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation
import Testing

@Suite("Safetensors")
struct SafetensorsTests {
  @Test("reads what the reference package wrote, of every type")
  func readsGolden() throws {
    for (file, entries) in try Golden.index().safetensorsFiles {
      let opened = try SafetensorsFile(path: Golden.path(file))
      #expect(Set(opened.names) == Set(entries.map(\.name)))
      for entry in entries {
        let tensor = try opened.tensor(entry.name)
        #expect(tensor.elementType.rawValue == entry.type)
        #expect(tensor.shape.dimensions == entry.shape)
        #expect(Bytes.array(tensor.bytes) == entry.data)
        #expect(Bytes.array(try opened.bytes(of: entry.name)) == entry.data)
      }
    }
    let every = try SafetensorsFile(path: Golden.path("every-type.safetensors"))
    #expect(every.metadata == ["format": "pt", "note": "a \"quoted\" ä\n"])
    #expect(try every.floats("of BF16") == [1, -2, BFloat16.greatestFinite.float, 0])
    #expect(try every.floats("scalar") == [1.5])
    #expect(every.tensors.count == 15)
  }

  @Test("writes the reference package's bytes")
  func writesGolden() throws {
    let file = try SafetensorsFile(path: Golden.path("floats.safetensors"))
    let tensors = try file.names.reversed().map { ($0, try file.tensor($0)) }
    let bytes = try Safetensors.encode(tensors, metadata: file.metadata)
    #expect(bytes == (try Golden.bytes("floats.safetensors")))
  }

  @Test("a file comes back as it was written, and its order does not matter")
  func comesBack() throws {
    let scratch = try Scratch()
    let tensors: [Safetensors.Named] = [
      ("b", HostTensor([1, 2, 3] as [UInt8])), ("a", HostTensor([1, 2] as [Double])),
      ("c\u{1}\"\\/é", HostTensor([Half(1)])), ("f", HostTensor(flags: [true, false])),
      ("empty", HostTensor([] as [Float], shape: [0, 7])),
    ]
    let metadata = ["z": "1", "a": "\u{7f}\r\n\t", "🚢": ""]
    try Safetensors.write(tensors, metadata: metadata, to: scratch.path("x.safetensors"))
    let file = try SafetensorsFile(path: scratch.path("x.safetensors"))
    #expect(file.metadata == metadata)
    #expect(file.names == ["a", "empty", "c\u{1}\"\\/é", "b", "f"])
    for (name, tensor) in tensors {
      let back = try file.tensor(name)
      #expect(back.elementType == tensor.elementType)
      #expect(back.shape == tensor.shape)
      #expect(Bytes.array(back.bytes) == Bytes.array(tensor.bytes))
    }
    let encoded = try Safetensors.encode(tensors.reversed(), metadata: metadata)
    #expect(encoded == Array(try Data(contentsOf: URL(filePath: file.path))))
    #expect(encoded[0] % 8 == 0)
    #expect(try scratch.names == ["x.safetensors"])
  }

  @Test("a file with nothing in it is a file")
  func empty() throws {
    let scratch = try Scratch()
    try Safetensors.write([], to: scratch.path("none"))
    let file = try SafetensorsFile(path: scratch.path("none"))
    #expect(file.names.isEmpty && file.metadata.isEmpty)
  }

  @Test("refuses a name given twice and the reserved one")
  func badNames() {
    let one = HostTensor([1] as [Float])
    #expect(
      message { _ = try Safetensors.encode([("w", one), ("w", one)]) }
        == "tensor-name-invalid: the name \"w\" is given twice (writing safetensors). "
        + "Give every tensor its own name.")
    #expect(
      message { _ = try Safetensors.encode([("__metadata__", one)]) }
        == "tensor-name-invalid: the name \"__metadata__\" is reserved (writing safetensors). "
        + "Give every tensor its own name.")
  }

  @Test("a folder that is not there leaves nothing behind")
  func unwritable() throws {
    let scratch = try Scratch()
    let path = scratch.path("missing/x")
    #expect(
      message { try Safetensors.write([], to: path) }
        == "file-unwritable: cannot write the file: No such file or directory (\(path)). "
        + "Check the folder, its permissions and the space left; what was there is unchanged.")
    #expect(try scratch.names.isEmpty)
  }

  #if os(Linux)
    @Test("a full disk leaves what was there")
    func fullDisk() throws {
      // Every write to /dev/full fails as on a full disk; a link stands in for the partial file.
      let scratch = try Scratch()
      let path = try scratch.write([1, 2, 3], to: "old")
      let partial = "\(path).partial-\(ProcessInfo.processInfo.processIdentifier)"
      try FileManager.default.createSymbolicLink(
        atPath: partial, withDestinationPath: "/dev/full")
      #expect(
        message { try Safetensors.write([("w", HostTensor([1] as [Float]))], to: path) }
          == "file-unwritable: cannot write the file: No space left on device (\(path)). "
          + "Check the folder, its permissions and the space left; what was there is unchanged.")
      #expect(try scratch.names == ["old"])
      #expect(Array(try Data(contentsOf: URL(filePath: path))) == [1, 2, 3])
    }
  #endif

  @Test("a missing tensor is named, and what there is")
  func missing() throws {
    let file = try SafetensorsFile(path: Golden.path("floats.safetensors"))
    #expect(
      message { _ = try file.tensor("wpe") }
        == "tensor-missing: there is no tensor \"wpe\" (\(file.path)). "
        + "The file holds blocks.0.attn.b, ln.g, naïve \"name\"\t\\, wte.weight.")
    let every = try SafetensorsFile(path: Golden.path("every-type.safetensors"))
    #expect(
      message { _ = try every.floats("of I32") }
        == "element-type-mismatch: I32 elements are not floating point "
        + "(\(every.path), tensor \"of I32\"). Read them with values(of:).")
  }

  @Test("a model that does not fit the file hears the first difference")
  func doesNotFit() throws {
    let file = try SafetensorsFile(path: Golden.path("floats.safetensors"))
    try file.require(exactly: file.tensors.reversed())
    func say(_ expected: [TensorDescription]) -> String? {
      message { try file.require(exactly: expected) }
    }
    let remedy = "(\(file.path)). Use the model configuration that the file was written with."
    let others = file.tensors.filter { $0.name != "wte.weight" }
    #expect(
      say(others + [TensorDescription(name: "wte.weight", shape: [8, 3])])
        == "model-mismatch: \"wte.weight\" is F32 [4, 3] in the file, "
        + "and the model needs F32 [8, 3] \(remedy)")
    #expect(say(others) == "model-mismatch: the model has no \"wte.weight\" \(remedy)")
    #expect(
      say(file.tensors + [TensorDescription(name: "wpe", shape: [2])])
        == "model-mismatch: the file has no \"wpe\" \(remedy)")
    #expect(
      say(others + [TensorDescription(name: "wpe", shape: [2])])
        == "model-mismatch: the file has no \"wpe\"; 1 more difference \(remedy)")
    #expect(
      say([])
        == "model-mismatch: the model has no \"blocks.0.attn.b\"; 3 more differences \(remedy)"
    )
  }
}
