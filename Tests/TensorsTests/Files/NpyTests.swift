// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation
import Testing

private let damaged = "The file is damaged or not npy; fetch or write it again."
private let cut = "The file is cut short; fetch or write it again."

@Suite("Npy")
struct NpyTests {
  @Test("reads what NumPy wrote: every type, both orders, both versions")
  func readsGolden() throws {
    let files = try Golden.index().npyFiles
    #expect(files.count == 18)
    for (file, entry) in files {
      let tensor = try Npy.read(Golden.path(file))
      #expect(tensor.elementType.rawValue == entry.type, "\(file)")
      #expect(tensor.shape.dimensions == entry.shape, "\(file)")
      #expect(Bytes.array(tensor.bytes) == entry.data, "\(file)")
    }
  }

  @Test("writes NumPy's bytes")
  func writesGolden() throws {
    for file in try Golden.index().npyFiles.keys
    where !file.hasPrefix("fortran") && file != "version-2.npy" {
      let bytes = try Npy.encode(try Npy.read(Golden.path(file)))
      #expect(bytes == (try Golden.bytes(file)), "\(file)")
    }
  }

  @Test("a file comes back as it was written")
  func comesBack() throws {
    let scratch = try Scratch()
    let tensor = HostTensor(sampleFloats(24, 1), shape: [2, 3, 4])
    try Npy.write(tensor, to: scratch.path("x.npy"))
    let back = try Npy.read(scratch.path("x.npy"))
    #expect(back.shape == tensor.shape)
    #expect(try back.floats() == tensor.floats())
  }

  @Test("refuses what it cannot hold, by name")
  func refuses() throws {
    let bigEndian = Golden.path("big-endian.npy")
    let remedy = "Convert it in NumPy to a little-endian number or bool, and save it again."
    #expect(
      message { _ = try Npy.read(bigEndian) }
        == "file-unsupported: elements of type '>f4' (\(bigEndian)). \(remedy)")
    let complex = Golden.path("complex.npy")
    #expect(
      message { _ = try Npy.read(complex) }
        == "file-unsupported: elements of type '<c8' (\(complex)). \(remedy)")
    #expect(
      message { _ = try Npy.encode(HostTensor([BFloat16(1)])) }
        == "file-unsupported: NumPy has no BF16 (writing npy). "
        + "Convert the tensor to f32, or write safetensors.")
  }

  @Test(
    "a header that lies is refused, exactly",
    arguments: [
      (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8,
        "file-truncated: 8 bytes of data where F32 [3] takes 12 (x). \(cut)"
      ),
      (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 8,
        "file-malformed: 8 bytes of data where F32 [1] takes 4 (x). \(damaged)"
      ),
      ("{'descr': '<f4', 'fortran_order': False, }", 8, header("no 'shape'")),
      ("{'descr': '<f4', 'descr': '<f4', }", 8, header("'descr' occurs twice")),
      ("{'descr': '<f4', 'evil': 1}", 8, header("unknown key 'evil'")),
      ("{'descr': [('a', '<f4')]}", 8, header("expected a string at byte 10")),
      ("{'fortran_order': 0}", 8, header("fortran_order is neither True nor False")),
      ("{'shape': (-1,)}", 8, header("the shape has something else than whole numbers")),
      ("{'shape': 3}", 8, header("the shape is no tuple")),
      ("{} x", 8, header("more text after the dictionary")),
      ("os.system('true')", 8, header("no dictionary")),
      (
        "{'descr': '<f8', 'fortran_order': True, 'shape': (4611686018427387904, 4), }", 8,
        "shape-invalid: the array has the shape [4611686018427387904, 4]: "
          + "more elements than an Int can count (x). "
          + "Use up to 8 dimensions, none negative, that fit in memory."
      ),
    ])
  func lies(text: String, dataBytes: Int, error: String) {
    let length = [UInt8(text.utf8.count & 0xff), UInt8(text.utf8.count >> 8)]
    let bytes =
      [0x93] + Array("NUMPY".utf8) + [1, 0] + length + Array(text.utf8)
      + [UInt8](repeating: 0, count: dataBytes)
    #expect(message { _ = try Npy.decode(bytes.span.elementBytes, path: "x") } == error)
  }

  private static func header(_ what: String) -> String {
    "file-malformed: the header is not what NumPy writes: \(what) (x). \(damaged)"
  }

  @Test("a file cut short anywhere is refused")
  func truncated() throws {
    let whole = try Golden.bytes("f32.npy")
    for length in 0..<whole.count {
      let said = message {
        _ = try Npy.decode(whole.span.extracting(0..<length).elementBytes, path: "x")
      }
      #expect(said?.hasPrefix("file-truncated: ") == true, "\(length): \(said ?? "read")")
    }
  }
}
