// SPDX-License-Identifier: Apache-2.0

/// Writes safetensors files: the same tensors give the same bytes, whatever order they come in.
///
/// Wider elements come first, then names by their bytes, so that every tensor is aligned to its
/// elements in the file; metadata is sorted by key; the header ends at a multiple of 8 bytes.
public enum Safetensors {
  /// A tensor and its name.
  public typealias Named = (name: String, tensor: HostTensor)

  /// The header's name for what is not a tensor; no tensor may have it.
  static let metadataName = "__metadata__"

  /// The whole file as bytes, for a writer that handles files itself.
  ///
  /// - Throws: `.badName` for a name given twice or reserved, `.unsupported` for a header above
  ///   100 MB.
  public static func encode(
    _ tensors: [Named], metadata: [String: String] = [:]
  ) throws(TensorError) -> [UInt8] {
    let ordered = try order(tensors)
    var file = try header(ordered, metadata)
    file.reserveCapacity(ordered.reduce(file.count) { $0 + $1.tensor.byteCount })
    for (_, tensor) in ordered { file += Bytes.array(tensor.bytes) }
    return file
  }

  /// Writes a file: beside its name first, then flushed to disk and renamed, so that the name holds
  /// the whole file or what was there before.
  ///
  /// - Throws: as `encode(_:metadata:)`; `.unwritable`.
  public static func write(
    _ tensors: [Named], metadata: [String: String] = [:], to path: String
  ) throws(TensorError) {
    let ordered = try order(tensors)
    let header = try header(ordered, metadata)
    try WholeFile.write([.bytes(header)] + ordered.map { .tensor($0.tensor) }, to: path)
  }

  /// Reads all of a file from its bytes, which may come from a peer; `path` is for messages.
  ///
  /// - Throws: `.truncated`, `.malformed`, `.unsupported`, `.badShape`.
  public static func decode(
    _ bytes: RawSpan, path: String
  ) throws(TensorError) -> (tensors: [Named], metadata: [String: String]) {
    let header = try SafetensorsHeader(bytes, path: path)
    var tensors: [Named] = []
    for entry in header.entries {
      let tensor = try HostTensor(
        elementType: entry.elementType, shape: entry.shape,
        copying: bytes.extracting(entry.range))
      tensors.append((entry.name, tensor))
    }
    return (tensors, header.metadata)
  }

  private static func order(_ tensors: [Named]) throws(TensorError) -> [Named] {
    var names: Set<String> = []
    for (name, _) in tensors {
      let what: String? =
        if name == metadataName {
          "the name \(HeaderJSON.quoted(name)) is reserved"
        } else if !names.insert(name).inserted {
          "the name \(HeaderJSON.quoted(name)) is given twice"
        } else { nil }
      if let what {
        throw TensorError(
          .badName, what, at: "writing safetensors", remedy: "Give every tensor its own name.")
      }
    }
    return tensors.sorted {
      let (a, b) = ($0.tensor.elementType.byteWidth, $1.tensor.elementType.byteWidth)
      // By bytes, not by `String` order, which is free to change with Unicode.
      return a != b ? a > b : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
  }

  private static func header(
    _ tensors: [Named], _ metadata: [String: String]
  ) throws(TensorError) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(HeaderJSON.quoted($0.key)):\(HeaderJSON.quoted($0.value))" }
      members.append("\"\(metadataName)\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let end = offset + tensor.byteCount
      let shape = tensor.shape.dimensions.map { "\($0)" }.joined(separator: ",")
      members.append(
        "\(HeaderJSON.quoted(name)):{\"dtype\":\"\(tensor.elementType.rawValue)\","
          + "\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
    guard text.count <= SafetensorsHeader.byteCountMax else {
      throw TensorError(
        .unsupported,
        "the header takes \(text.count) bytes, more than the "
          + "\(SafetensorsHeader.byteCountMax) allowed",
        at: "writing safetensors", remedy: "Write fewer tensors or less metadata into one file.")
    }
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
  }
}
