// SPDX-License-Identifier: Apache-2.0

/// Where each parameter of a model lies in one flat run of 32-bit floats.
///
/// Parameters follow each other without gaps, in the order of the table; elements of a parameter
/// are row-major. Equal layouts are what makes two replicas of one model comparable.
public struct ParameterLayout: Sendable, Equatable {
  /// One parameter: its name, its shape, and its place.
  public struct Entry: Sendable, Equatable {
    public let name: String
    public let shape: [Int]
    /// The index of its first element in the flat run.
    public let offset: Int
    /// How many elements it has; 1 for an empty shape.
    public let count: Int

    /// Its elements' indices in the flat run.
    public var range: Range<Int> { offset..<offset + count }
  }

  public let entries: [Entry]
  /// How many elements all parameters have together.
  public let count: Int

  /// Lays the parameters out one after the other.
  ///
  /// Names must differ and every dimension be above zero.
  public init(_ parameters: [(name: String, shape: [Int])]) {
    var offset = 0
    var entries: [Entry] = []
    var names: Set<String> = []
    for (name, shape) in parameters {
      precondition(names.insert(name).inserted, "two parameters are named \(name)")
      precondition(shape.allSatisfy { $0 > 0 }, "parameter \(name) has shape \(shape)")
      let count = shape.reduce(1, *)
      entries.append(Entry(name: name, shape: shape, offset: offset, count: count))
      offset += count
    }
    self.entries = entries
    count = offset
  }

  /// A flat run cut into named tensors. `values: [count]`.
  public func split(_ values: [Float]) -> [NamedTensor] {
    precondition(values.count == count, "\(values.count) values for a layout of \(count)")
    return entries.map {
      NamedTensor(name: $0.name, shape: $0.shape, values: Array(values[$0.range]))
    }
  }
}

extension ParameterLayout {
  init(_ parameters: [NamedParameter]) {
    self.init(parameters.map { ($0.name, $0.tensor.shape) })
  }

  /// The parts of one flat run in the engine, each with its shape.
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

  /// One flat run from the engine's tensors, in the layout's order.
  func flat(_ tensors: [Tensor]) throws(LearningError) -> [Float] {
    var flat: [Float] = []
    flat.reserveCapacity(count)
    try Tensor.evaluate(tensors)
    for tensor in tensors { flat += try tensor.floats() }
    return flat
  }
}
