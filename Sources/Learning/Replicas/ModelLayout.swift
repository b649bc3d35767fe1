// SPDX-License-Identifier: Apache-2.0

/// Where each parameter lies in one flat run of floats.
public struct ModelLayout: Hashable, Sendable {
  /// One parameter.
  public struct Entry: Hashable, Sendable {
    /// Such as `blocks.0.attention.qkv.weight`.
    public let name: String
    public let shape: [Int]
    /// Where it begins.
    public let offset: Int
    /// Its number of elements.
    public let count: Int

    public var range: Range<Int> { offset..<offset + count }
  }

  /// In the flat run's order, without gaps.
  public let entries: [Entry]
  /// Elements of all parameters.
  public let count: Int

  init(_ parameters: [NamedParameter]) {
    var offset = 0
    entries = parameters.map { parameter in
      defer { offset += parameter.tensor.count }
      return Entry(
        name: parameter.name, shape: parameter.tensor.shape, offset: offset,
        count: parameter.tensor.count)
    }
    count = offset
  }

  /// The parts of one flat run as tensors, each with its shape.
  func tensors(_ flat: [Float], _ place: String) throws(LearningError) -> [Tensor] {
    guard flat.count == count else {
      throw LearningError(
        .stateMismatch, "\(flat.count) numbers for \(count) parameters", place: place,
        remedy: "Use the state of a model of the same configuration.")
    }
    var tensors: [Tensor] = []
    for entry in entries {
      tensors.append(try Tensor(Array(flat[entry.range]), shape: entry.shape))
    }
    return tensors
  }

  /// One flat run from tensors in the layout's order.
  func flat(_ tensors: [Tensor]) throws(LearningError) -> [Float] {
    var flat: [Float] = []
    flat.reserveCapacity(count)
    try Tensor.evaluate(tensors)
    for tensor in tensors { flat += try tensor.floats() }
    return flat
  }
}

/// Numbers with a name and a shape, outside the engine: for files and links.
public struct NamedArray: Hashable, Sendable {
  public let name: String
  public let shape: [Int]
  /// Row-major.
  public let values: [Float]

  public init(name: String, shape: [Int], values: [Float]) {
    self.name = name
    self.shape = shape
    self.values = values
  }
}
