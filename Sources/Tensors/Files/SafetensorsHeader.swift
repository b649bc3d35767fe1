// SPDX-License-Identifier: Apache-2.0

/// What a safetensors file says it holds, checked in full before anything is read.
///
/// The format: 8 bytes, little-endian, with the length of a JSON object; the object; the tensors'
/// bytes, end to end. <https://github.com/huggingface/safetensors#format>
struct SafetensorsHeader {
  /// The longest header that is read or written, as in the reference reader.
  static let byteCountMax = 100_000_000

  /// One tensor: what it is and where its bytes are in the file.
  struct Entry {
    let name: String
    let elementType: ElementType
    let shape: Shape
    /// Bytes of the file, from its start.
    let range: Range<Int>
  }

  /// In the order of their bytes.
  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]

  private let path: String

  /// Reads and checks the header of a file with these bytes.
  ///
  /// - Throws: `.truncated`, `.malformed`, `.unsupported` or `.badShape`.
  init(_ bytes: RawSpan, path: String) throws(TensorError) {
    self.path = path
    guard bytes.byteCount >= 8 else {
      throw Self.truncated("\(bytes.byteCount) bytes, and a header alone takes 8", path)
    }
    let prefix: [UInt64] = Bytes.values(in: bytes.extracting(0..<8))
    let available = bytes.byteCount - 8
    // Compared as UInt64: a lying length may not fit an Int.
    guard prefix[0] <= UInt64(Self.byteCountMax) else {
      throw malformed(
        "the header claims \(prefix[0]) bytes, more than the \(Self.byteCountMax) allowed")
    }
    guard prefix[0] <= UInt64(available) else {
      throw Self.truncated(
        "the header claims \(prefix[0]) bytes and only \(available) follow", path)
    }
    let dataStart = 8 + Int(prefix[0])
    let text = Bytes.array(bytes.extracting(8..<dataStart))
    guard text.first == UInt8(ascii: "{") else {
      throw malformed("the header does not begin with '{'")
    }
    let json: HeaderJSON.Value
    do throws(HeaderJSON.Fault) { json = try HeaderJSON.parse(text) } catch {
      throw malformed("the header is not JSON: \(error.what) at byte \(error.offset)")
    }
    guard case .object(let members) = json else { throw malformed("the header is not an object") }
    var names: Set<String> = []
    for (name, value) in members {
      guard names.insert(name).inserted else {
        throw malformed("the name \(HeaderJSON.quoted(name)) occurs twice")
      }
      if name == Safetensors.metadataName {
        metadata = try readMetadata(value)
      } else {
        entries.append(try readEntry(name, value, dataStart, bytes.byteCount))
      }
    }
    try checkLayout(dataStart: dataStart, fileEnd: bytes.byteCount)
  }

  private func readMetadata(_ value: HeaderJSON.Value) throws(TensorError) -> [String: String] {
    guard case .object(let members) = value else {
      throw malformed("\(Safetensors.metadataName) is not an object")
    }
    var result: [String: String] = [:]
    for (key, value) in members {
      guard case .string(let text) = value else {
        throw malformed("the metadata \(HeaderJSON.quoted(key)) is not a string")
      }
      guard result.updateValue(text, forKey: key) == nil else {
        throw malformed("the metadata \(HeaderJSON.quoted(key)) occurs twice")
      }
    }
    return result
  }

  private func readEntry(
    _ name: String, _ value: HeaderJSON.Value, _ dataStart: Int, _ fileEnd: Int
  ) throws(TensorError) -> Entry {
    let quoted = HeaderJSON.quoted(name)
    guard case .object(let members) = value else { throw malformed("\(quoted) is not an object") }
    var fields: [String: HeaderJSON.Value] = [:]
    for (key, value) in members {
      guard ["dtype", "shape", "data_offsets"].contains(key) else {
        throw malformed("\(quoted) has an unknown field \(HeaderJSON.quoted(key))")
      }
      guard fields.updateValue(value, forKey: key) == nil else {
        throw malformed("\(quoted) has the field \(HeaderJSON.quoted(key)) twice")
      }
    }
    guard case .string(let typeName) = fields["dtype"] else {
      throw malformed("\(quoted) has no dtype")
    }
    guard let elementType = ElementType(rawValue: typeName) else {
      throw TensorError(
        .unsupported, "\(quoted) has the unknown dtype \(HeaderJSON.quoted(typeName))", at: path,
        remedy:
          "Convert it to one of \(ElementType.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    guard let dimensions = integers(fields["shape"]) else {
      throw malformed("\(quoted) has no shape of whole numbers")
    }
    guard let offsets = integers(fields["data_offsets"]), offsets.count == 2 else {
      throw malformed("\(quoted) has no data_offsets of two whole numbers")
    }
    let shape: Shape
    let needed: Int
    do throws(TensorError) {
      shape = try Shape(dimensions)
      needed = try shape.byteCount(of: elementType)
    } catch {
      throw TensorError(
        .badShape, "\(quoted) has the shape \(dimensions): \(error.what)", at: path,
        remedy: error.remedy)
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin >= 0, begin <= end else {
      throw malformed("\(quoted) lies from byte \(begin) to \(end)")
    }
    guard end <= fileEnd - dataStart else {
      throw Self.truncated(
        "\(quoted) ends at byte \(end) of the data, which has \(fileEnd - dataStart)", path)
    }
    guard end - begin == needed else {
      throw malformed(
        "\(quoted) has \(end - begin) bytes where \(elementType) \(shape) takes \(needed)")
    }
    return Entry(
      name: name, elementType: elementType, shape: shape,
      range: dataStart + begin..<dataStart + end)
  }

  private func integers(_ value: HeaderJSON.Value?) -> [Int]? {
    guard case .array(let items) = value else { return nil }
    var result: [Int] = []
    for item in items {
      guard case .number(let number) = item else { return nil }
      result.append(number)
    }
    return result
  }

  /// Tensors lie end to end and fill the data: no overlap, no hole, no rest.
  private mutating func checkLayout(dataStart: Int, fileEnd: Int) throws(TensorError) {
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound, $0.name)
        < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    var end = dataStart
    var before = "the header"
    for entry in entries {
      let quoted = HeaderJSON.quoted(entry.name)
      let start = entry.range.lowerBound
      guard start >= end else { throw malformed("\(before) and \(quoted) overlap") }
      guard start == end else {
        throw malformed("\(start - end) bytes before \(quoted) belong to no tensor")
      }
      end = entry.range.upperBound
      before = quoted
    }
    guard end == fileEnd else {
      throw malformed("the last \(fileEnd - end) bytes belong to no tensor")
    }
  }

  private func malformed(_ what: String) -> TensorError {
    TensorError(
      .malformed, what, at: path,
      remedy: "The file is damaged or not safetensors; fetch or write it again.")
  }

  private static func truncated(_ what: String, _ path: String) -> TensorError {
    TensorError(
      .truncated, what, at: path, remedy: "The file is cut short; fetch or write it again.")
  }
}
