// SPDX-License-Identifier: Apache-2.0

/// A safetensors file, mapped into memory, its header checked.
///
/// Nothing that the file claims is believed before it is checked: opening either throws, or gives a
/// file whose every tensor can be read.
public final class SafetensorsFile: Sendable {
  /// Where it is, as given.
  public let path: String
  /// The file's `__metadata__`.
  public let metadata: [String: String]
  /// What it holds, in the order of the bytes.
  public let tensors: [TensorDescription]

  private let file: MappedFile
  private let ranges: [String: (description: TensorDescription, range: Range<Int>)]

  /// Opens and checks a file.
  ///
  /// - Throws: `.unreadable`, `.truncated`, `.malformed`, `.unsupported`, `.badShape`.
  public init(path: String) throws(TensorError) {
    self.path = path
    let file = try MappedFile(path: path)
    self.file = file
    let header = try SafetensorsHeader(file.bytes, path: path)
    metadata = header.metadata
    var tensors: [TensorDescription] = []
    var ranges: [String: (TensorDescription, Range<Int>)] = [:]
    for entry in header.entries {
      let description = TensorDescription(
        name: entry.name, elementType: entry.elementType, shape: entry.shape)
      tensors.append(description)
      ranges[entry.name] = (description, entry.range)
    }
    self.tensors = tensors
    self.ranges = ranges
  }

  /// Their names, in the order of the bytes.
  public var names: [String] { tensors.map(\.name) }

  /// What the tensor of this name is; nil when there is none.
  public func description(of name: String) -> TensorDescription? { ranges[name]?.description }

  /// The bytes of a tensor in the file, in no certain alignment.
  ///
  /// - Throws: `.missing`.
  @_lifetime(borrow self)
  public func bytes(of name: String) throws(TensorError) -> RawSpan {
    let range = try find(name).range
    let file = file
    let part = file.bytes.extracting(range)
    // The mapping lives as long as this object, which keeps `file`.
    // SAFETY: the bytes belong to the mapping, which lives as long as this file.
    return unsafe _overrideLifetime(part, borrowing: self)
  }

  /// A copy of a tensor, aligned.
  ///
  /// - Throws: `.missing`.
  public func tensor(_ name: String) throws(TensorError) -> HostTensor {
    let (description, range) = try find(name)
    let file = file
    return try HostTensor(
      elementType: description.elementType, shape: description.shape,
      copying: file.bytes.extracting(range))
  }

  /// A tensor's elements as floats: exact from f32, f16 and bf16, to the nearest from f64.
  ///
  /// - Throws: `.missing`; `.wrongType` for integers and bool.
  public func floats(_ name: String) throws(TensorError) -> [Float] {
    let tensor = try tensor(name)
    do throws(TensorError) { return try tensor.floats() } catch {
      throw TensorError(
        error.code, error.what, at: "\(path), tensor \(HeaderJSON.quoted(name))",
        remedy: error.remedy)
    }
  }

  /// Checks that the file holds exactly these tensors, in any order.
  ///
  /// - Throws: `.mismatch`, which names the first difference and counts the others.
  public func require(exactly expected: [TensorDescription]) throws(TensorError) {
    var differences: [String] = []
    for wanted in expected {
      let quoted = HeaderJSON.quoted(wanted.name)
      guard let found = ranges[wanted.name]?.description else {
        differences.append("the file has no \(quoted)")
        continue
      }
      if found != wanted {
        differences.append(
          "\(quoted) is \(found.elementType) \(found.shape) in the file, and the model needs "
            + "\(wanted.elementType) \(wanted.shape)")
      }
    }
    let names = Set(expected.map(\.name))
    for name in self.names where !names.contains(name) {
      differences.append("the model has no \(HeaderJSON.quoted(name))")
    }
    guard let first = differences.first else { return }
    let more =
      switch differences.count {
      case 1: ""
      case 2: "; 1 more difference"
      default: "; \(differences.count - 1) more differences"
      }
    throw TensorError(
      .mismatch, first + more, at: path,
      remedy: "Use the model configuration that the file was written with.")
  }

  private func find(
    _ name: String
  ) throws(TensorError) -> (description: TensorDescription, range: Range<Int>) {
    guard let found = ranges[name] else {
      let shown = names.prefix(5).joined(separator: ", ")
      let rest = names.count > 5 ? ", and \(names.count - 5) more" : ""
      throw TensorError(
        .missing, "there is no tensor \(HeaderJSON.quoted(name))", at: path,
        remedy: names.isEmpty ? "The file holds none." : "The file holds \(shown)\(rest).")
    }
    return found
  }
}
