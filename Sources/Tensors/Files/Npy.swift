// SPDX-License-Identifier: Apache-2.0

/// NumPy's array files, format versions 1.0 to 3.0 read and 1.0 written.
///
/// The format: `\x93NUMPY`, two version bytes, the header's length, and the header: a Python
/// dictionary with `descr`, `fortran_order` and `shape`.
/// <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
public enum Npy {
  /// The longest header that is read; NumPy's own limit is 10,000 by default.
  static let headerByteCountMax = 100_000
  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads an array; one in Fortran order is transposed into C order.
  ///
  /// - Throws: `.unreadable`, `.truncated`, `.malformed`, `.unsupported`, `.badShape`.
  public static func read(_ path: String) throws(TensorError) -> HostTensor {
    let file = try MappedFile(path: path)
    return try decode(file.bytes, path: path)
  }

  /// Reads an array from a file's bytes; `path` is for messages.
  ///
  /// - Throws: as `read(_:)`, but `.unreadable`.
  public static func decode(_ bytes: RawSpan, path: String) throws(TensorError) -> HostTensor {
    guard bytes.byteCount >= 10 else {
      throw truncated("\(bytes.byteCount) bytes, and the shortest header takes 10", path)
    }
    guard Bytes.array(bytes.extracting(0..<6)) == magic else {
      throw malformed("the file does not begin with \\x93NUMPY", path)
    }
    let major = Bytes.array(bytes.extracting(6..<8))[0]
    guard (1...3).contains(major) else {
      throw TensorError(
        .unsupported, "npy format version \(major)", at: path,
        remedy: "Save it again with numpy.save.")
    }
    let lengthWidth = major == 1 ? 2 : 4
    let start = 8 + lengthWidth
    guard bytes.byteCount >= start else {
      throw truncated("\(bytes.byteCount) bytes, and the header's length ends at \(start)", path)
    }
    let length = Bytes.array(bytes.extracting(8..<start)).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= headerByteCountMax else {
      throw malformed(
        "the header claims \(length) bytes, more than the \(headerByteCountMax) allowed", path)
    }
    guard length <= bytes.byteCount - start else {
      throw truncated(
        "the header claims \(length) bytes and only \(bytes.byteCount - start) follow", path)
    }
    let text = Bytes.array(bytes.extracting(start..<start + length))
    let header: NpyHeader
    do throws(NpyHeader.Fault) { header = try NpyHeader(text) } catch {
      throw malformed("the header is not what NumPy writes: \(error.what)", path)
    }
    guard let elementType = ElementType(npyDescription: header.descr) else {
      throw TensorError(
        .unsupported, "elements of type '\(header.descr)'", at: path,
        remedy: "Convert it in NumPy to a little-endian number or bool, and save it again.")
    }
    return try read(
      bytes.extracting(start + length..<bytes.byteCount), header, elementType, path)
  }

  private static func read(
    _ data: RawSpan, _ header: NpyHeader, _ elementType: ElementType, _ path: String
  ) throws(TensorError) -> HostTensor {
    let shape: Shape
    let needed: Int
    do throws(TensorError) {
      shape = try Shape(header.shape)
      needed = try shape.byteCount(of: elementType)
    } catch {
      throw TensorError(
        .badShape, "the array has the shape \(header.shape): \(error.what)", at: path,
        remedy: error.remedy)
    }
    guard data.byteCount >= needed else {
      throw truncated(
        "\(data.byteCount) bytes of data where \(elementType) \(shape) takes \(needed)", path)
    }
    guard data.byteCount == needed else {
      throw malformed(
        "\(data.byteCount) bytes of data where \(elementType) \(shape) takes \(needed)", path)
    }
    guard header.order == .fortran, shape.rank > 1, needed > 0 else {
      return try HostTensor(elementType: elementType, shape: shape, copying: data)
    }
    let transposed = toCOrder(Bytes.array(data), shape, width: elementType.byteWidth)
    return try HostTensor(
      elementType: elementType, shape: shape, copying: transposed.span.elementBytes)
  }

  /// Elements with the first dimension fastest, as bytes with the last dimension fastest.
  private static func toCOrder(_ bytes: [UInt8], _ shape: Shape, width: Int) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: bytes.count)
    var strides = [Int](repeating: width, count: shape.rank)
    for axis in 1..<shape.rank { strides[axis] = strides[axis - 1] * shape[axis - 1] }
    var index = [Int](repeating: 0, count: shape.rank)
    var source = 0
    for target in stride(from: 0, to: bytes.count, by: width) {
      for byte in 0..<width { result[target + byte] = bytes[source + byte] }
      // Count up, the last dimension first, like an odometer.
      var axis = shape.rank - 1
      while axis >= 0 {
        index[axis] += 1
        source += strides[axis]
        if index[axis] < shape[axis] { break }
        source -= strides[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return result
  }

  /// The whole file as bytes, version 1.0: up to 8 dimensions always fit its header.
  ///
  /// - Throws: `.unsupported` for bf16, which NumPy does not have.
  public static func encode(_ tensor: HostTensor) throws(TensorError) -> [UInt8] {
    guard let descr = tensor.elementType.npyDescription else {
      throw TensorError(
        .unsupported, "NumPy has no \(tensor.elementType)", at: "writing npy",
        remedy: "Convert the tensor to f32, or write safetensors.")
    }
    let dimensions = tensor.shape.dimensions
    let inner = dimensions.map { "\($0)" }.joined(separator: ", ")
    let tuple = dimensions.count == 1 ? "(\(inner),)" : "(\(inner))"
    var text = Array("{'descr': '\(descr)', 'fortran_order': False, 'shape': \(tuple), }".utf8)
    // NumPy leaves room for the first dimension to grow to 21 digits; with it our bytes are its.
    if let first = dimensions.first {
      text += [UInt8](repeating: 0x20, count: 21 - "\(first)".utf8.count)
    }
    // The data starts at a multiple of 64 bytes; the header ends with a new line.
    text += [UInt8](repeating: 0x20, count: 63 - (10 + text.count) % 64) + [0x0a]
    let length = [UInt8(text.count & 0xff), UInt8(text.count >> 8)]
    return magic + [1, 0] + length + text + Bytes.array(tensor.bytes)
  }

  /// Writes an array: beside its name first, then flushed to disk and renamed.
  ///
  /// - Throws: `.unsupported` for bf16; `.unwritable`.
  public static func write(_ tensor: HostTensor, to path: String) throws(TensorError) {
    try WholeFile.write([.bytes(try encode(tensor))], to: path)
  }

  private static func malformed(_ what: String, _ path: String) -> TensorError {
    TensorError(
      .malformed, what, at: path,
      remedy: "The file is damaged or not npy; fetch or write it again.")
  }

  private static func truncated(_ what: String, _ path: String) -> TensorError {
    TensorError(
      .truncated, what, at: path, remedy: "The file is cut short; fetch or write it again.")
  }
}
