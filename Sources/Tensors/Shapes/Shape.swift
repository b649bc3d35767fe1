// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// The dimensions of a tensor, outermost first; none for a scalar.
public struct Shape: Hashable, Sendable, CustomStringConvertible, ExpressibleByArrayLiteral {
  /// The most dimensions a shape can have.
  public static let rankMax = 8

  private var storage: InlineArray<8, Int>
  /// How many dimensions there are, 0 to `rankMax`.
  public let rank: Int
  /// The product of the dimensions; 1 for a scalar.
  public let elementCount: Int

  /// The shape with these dimensions, from a file or a peer.
  ///
  /// - Throws: `.badShape` for a negative dimension, more than `rankMax` of them, or a product
  ///   that no `Int` holds.
  public init(_ dimensions: [Int]) throws(TensorError) {
    func refuse(_ what: String) -> TensorError {
      TensorError(
        .badShape, what, at: "shape \(dimensions)",
        remedy: "Use up to \(Shape.rankMax) dimensions, none negative, that fit in memory.")
    }
    guard dimensions.count <= Shape.rankMax else {
      throw refuse("\(dimensions.count) dimensions")
    }
    var storage = InlineArray<8, Int>(repeating: 1)
    var product = 1
    for (axis, size) in dimensions.enumerated() {
      guard size >= 0 else { throw refuse("dimension \(axis) is \(size)") }
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard !overflow else { throw refuse("more elements than an Int can count") }
      storage[axis] = size
      product = next
    }
    self.storage = storage
    rank = dimensions.count
    elementCount = product
  }

  /// The shape with these dimensions, from our own code: a wrong one is a bug and stops.
  public init(arrayLiteral dimensions: Int...) {
    do throws(TensorError) { self = try Shape(dimensions) } catch {
      preconditionFailure(error.description)
    }
  }

  /// One dimension; `axis` counts from the outermost.
  public subscript(axis: Int) -> Int {
    precondition(axis >= 0 && axis < rank, "axis \(axis) of a shape of rank \(rank)")
    return storage[axis]
  }

  /// The dimensions as an array.
  public var dimensions: [Int] { (0..<rank).map { storage[$0] } }

  /// Bytes that elements of this type take in this shape.
  ///
  /// - Throws: `.badShape` when no `Int` holds the number.
  public func byteCount(of elementType: ElementType) throws(TensorError) -> Int {
    let (bytes, overflow) = elementCount.multipliedReportingOverflow(by: elementType.byteWidth)
    guard !overflow else {
      throw TensorError(
        .badShape, "more bytes than an Int can count", at: "shape \(self) of \(elementType)",
        remedy: "Use up to \(Shape.rankMax) dimensions, none negative, that fit in memory.")
    }
    return bytes
  }

  public var description: String { "\(dimensions)" }

  public static func == (a: Shape, b: Shape) -> Bool {
    guard a.rank == b.rank else { return false }
    for axis in 0..<a.rank where a.storage[axis] != b.storage[axis] { return false }
    return true
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(rank)
    for axis in 0..<rank { hasher.combine(storage[axis]) }
  }
}
