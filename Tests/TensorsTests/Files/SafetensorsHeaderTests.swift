// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

/// A case of a lying file: its header's text, the data's length, and what is said of it.
struct Lie: Sendable, CustomTestStringConvertible {
  let header: String
  var dataBytes = 8
  let error: String
  var testDescription: String { error }
}

private let damaged = "The file is damaged or not safetensors; fetch or write it again."
private let cut = "The file is cut short; fetch or write it again."

@Suite("Safetensors files that lie")
struct SafetensorsHeaderTests {
  static let lies: [Lie] = [
    lie(
      #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}"#, "file-truncated",
      #""w" ends at byte 12 of the data, which has 8"#, cut),
    lie(
      #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "file-malformed",
      #""w" lies from byte 8 to 0"#),
    lie(
      #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, "file-malformed",
      #""w" lies from byte -8 to 0"#),
    lie(
      #"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, "file-malformed",
      #""w" has 8 bytes where F32 [3] takes 12"#),
    lie(
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "file-malformed", #""a" and "b" overlap"#),
    lie(
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "file-malformed", #"3 bytes before "b" belong to no tensor"#),
    lie(
      #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "file-malformed",
      "the last 4 bytes belong to no tensor"),
    lie(
      #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      "file-malformed", #"the name "w" occurs twice"#),
    lie(
      #"{"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "file-malformed",
      #""w" has the field "dtype" twice"#),
    lie(
      #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}"#, "file-malformed",
      #""w" has an unknown field "x""#),
    lie(#"{"w":{"shape":[2],"data_offsets":[0,8]}}"#, "file-malformed", #""w" has no dtype"#),
    lie(
      #"{"w":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#, "file-malformed",
      #""w" has no shape of whole numbers"#),
    lie(
      #"{"w":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}"#, "file-malformed",
      #""w" has no shape of whole numbers"#),
    lie(
      #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}"#, "file-malformed",
      #""w" has no data_offsets of two whole numbers"#),
    lie(
      #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}}"#,
      "file-malformed", #""w" has no data_offsets of two whole numbers"#),
    lie(
      #"{"w":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#, "file-unsupported",
      #""w" has the unknown dtype "F8_E4M3""#,
      "Convert it to one of F32, F64, F16, BF16, I8, I16, I32, I64, U8, U16, U32, U64, BOOL."),
    lie(
      #"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
      "shape-invalid",
      #""w" has the shape [4611686018427387904, 4]: more elements than an Int can count"#,
      "Use up to 8 dimensions, none negative, that fit in memory."),
    lie(
      #"{"w":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,8]}}"#,
      "shape-invalid",
      #""w" has the shape [4611686018427387904]: more bytes than an Int can count"#,
      "Use up to 8 dimensions, none negative, that fit in memory."),
    lie(
      #"{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "shape-invalid",
      #""w" has the shape [-2]: dimension 0 is -2"#,
      "Use up to 8 dimensions, none negative, that fit in memory."),
    lie(#"{"w":7}"#, "file-malformed", #""w" is not an object"#),
    lie(#"{"__metadata__":{"n":1}}"#, "file-malformed", #"the metadata "n" is not a string"#),
    lie(
      #"{"__metadata__":{"n":"1","n":"1"}}"#, "file-malformed",
      #"the metadata "n" occurs twice"#),
    lie(#"{"__metadata__":[]}"#, "file-malformed", "__metadata__ is not an object"),
    lie(#" {}"#, "file-malformed", "the header does not begin with '{'"),
    lie("", "file-malformed", "the header does not begin with '{'"),
    lie(#"{"w":"#, "file-malformed", "the header is not JSON: the text ends early at byte 5"),
    lie(#"{"w"}"#, "file-malformed", "the header is not JSON: expected ':' at byte 4"),
    lie(
      #"{"w":1,}"#, "file-malformed",
      "the header is not JSON: expected a name in quotes at byte 7"),
    lie(#"{} x"#, "file-malformed", "the header is not JSON: more text after the end at byte 3"),
    lie(
      #"{"w":"\ud800"}"#, "file-malformed",
      "the header is not JSON: half of a surrogate pair at byte 12"),
    lie(#"{"w":"\x"}"#, "file-malformed", "the header is not JSON: an unknown escape at byte 8"),
    lie(
      "{\"w\n\":1}", "file-malformed",
      "the header is not JSON: a control character in a string at byte 3"),
    lie(
      #"{"w":"# + String(repeating: "[", count: 100_000), "file-malformed",
      "the header is not JSON: nested more than 8 deep at byte 13"),
  ]

  static func lie(
    _ header: String, _ code: String, _ what: String, _ remedy: String = damaged
  ) -> Lie {
    Lie(header: header, error: "\(code): \(what) (FILE). \(remedy)")
  }

  @Test("a header that lies is refused, exactly", arguments: lies)
  func refused(_ lie: Lie) throws {
    let scratch = try Scratch()
    let path = try scratch.write(
      file(Array(lie.header.utf8), data: [UInt8](repeating: 0, count: lie.dataBytes)), to: "lie")
    let said = message { _ = try SafetensorsFile(path: path) }
    #expect(said?.replacing(path, with: "FILE") == lie.error)
  }

  @Test("a file cut short anywhere is refused")
  func truncated() throws {
    let scratch = try Scratch()
    let whole = try Golden.bytes("floats.safetensors")
    for length in 0..<whole.count {
      let path = try scratch.write(Array(whole.prefix(length)), to: "cut")
      let said = message { _ = try SafetensorsFile(path: path) }
      #expect(said?.hasPrefix("file-truncated: ") == true, "\(length): \(said ?? "opened")")
    }
    let path = try scratch.write(Array(whole.prefix(7)), to: "cut")
    #expect(
      message { _ = try SafetensorsFile(path: path) }
        == "file-truncated: 7 bytes, and a header alone takes 8 (\(path)). \(cut)")
    let second = try scratch.write(Array(whole.prefix(100)), to: "cut")
    #expect(
      message { _ = try SafetensorsFile(path: second) }
        == "file-truncated: the header claims \(whole[0] &+ 0) bytes and only 92 follow "
        .replacing("\(whole[0])", with: "\(Int(whole[0]) + Int(whole[1]) * 256)")
        + "(\(second)). \(cut)")
  }

  @Test("a header longer than the limit is refused before anything is read")
  func longHeader() throws {
    let scratch = try Scratch()
    let path = try scratch.write([UInt8](repeating: 0xff, count: 64), to: "long")
    #expect(
      message { _ = try SafetensorsFile(path: path) }
        == "file-malformed: the header claims 18446744073709551615 bytes, "
        + "more than the 100000000 allowed (\(path)). \(damaged)")
  }

  @Test("what cannot be read says why")
  func unreadable() throws {
    let scratch = try Scratch()
    let nowhere = scratch.path("nowhere")
    #expect(
      message { _ = try SafetensorsFile(path: nowhere) }
        == "file-unreadable: cannot read the file: No such file or directory (\(nowhere)). "
        + "Check the path and its permissions.")
    #expect(
      message { _ = try SafetensorsFile(path: "/") }
        == "file-unreadable: cannot read the file: it is not a regular file (/). Name a file.")
  }

  @Test("names may hold anything that JSON can")
  func names() throws {
    let scratch = try Scratch()
    let header =
      #"{ "\u00e9\ud83d\ude80\n\/" : {"dtype":"U8","shape":[8],"data_offsets":[0,8]} }  "#
    let path = try scratch.write(
      file(Array(header.utf8), data: [1, 2, 3, 4, 5, 6, 7, 8]), to: "names")
    #expect(try SafetensorsFile(path: path).names == ["é🚀\n/"])
  }
}

/// A file with this header, its length before it.
func file(_ header: [UInt8], data: [UInt8]) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + data
}
