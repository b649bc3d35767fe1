// SPDX-License-Identifier: Apache-2.0

/// How two tensors of one type and shape differ, element by element and bit by bit.
///
/// Bits decide: +0 and −0 differ, and so do two NaN with other payloads, which are counted apart.
public struct TensorDifference: Sendable, Equatable {
  /// One element of both.
  public struct Element: Sendable, Equatable {
    /// In C order.
    public let index: Int
    /// The same as an index a dimension, the outermost first.
    public let coordinates: [Int]
    /// The bits of the one and the other: `0x3f800000`.
    public let bits: [String]
    /// The values, in as few digits as tell them apart from all others of their type.
    public let values: [String]
    /// How many values of the type lie between them, and one; nil when either is NaN.
    public let ulps: UInt64?
  }

  /// How many elements each tensor has.
  public let count: Int
  /// How many of them have other bits.
  public let differing: Int
  /// How many of these are NaN in both.
  public let nanBoth: Int
  /// How many of these are NaN in one alone.
  public let nanOne: Int
  /// The most `ulps` of any element; nil when every difference has a NaN.
  public let ulpsMost: UInt64?
  /// The first that differs.
  public let first: Element

  /// Nil when all bits are equal; both must have the same type and shape.
  public init?(_ a: HostTensor, _ b: HostTensor) {
    precondition(
      a.elementType == b.elementType && a.shape == b.shape,
      "\(a.elementType) \(a.shape) and \(b.elementType) \(b.shape)")
    let found: TensorDifference?
    switch a.elementType.byteWidth {
    case 1: found = Self.search(a, b, as: UInt8.self)
    case 2: found = Self.search(a, b, as: UInt16.self)
    case 4: found = Self.search(a, b, as: UInt32.self)
    default: found = Self.search(a, b, as: UInt64.self)
    }
    guard let found else { return nil }
    self = found
  }

  private init(
    count: Int, differing: Int, nanBoth: Int, nanOne: Int, ulpsMost: UInt64?, first: Element
  ) {
    self.count = count
    self.differing = differing
    self.nanBoth = nanBoth
    self.nanOne = nanOne
    self.ulpsMost = ulpsMost
    self.first = first
  }

  private static func search<Word: FixedWidthInteger & UnsignedInteger & TensorElement>(
    _ a: HostTensor, _ b: HostTensor, as _: Word.Type
  ) -> TensorDifference? {
    let (left, right): ([Word], [Word]) = (Bytes.values(in: a.bytes), Bytes.values(in: b.bytes))
    // By far most comparisons end here.
    if left == right { return nil }
    let numbers = ElementNumbers(a.elementType)
    var (differing, nanBoth, nanOne) = (0, 0, 0)
    var ulpsMost: UInt64?
    var first: Element?
    for i in left.indices where left[i] != right[i] {
      let (one, other) = (UInt64(left[i]), UInt64(right[i]))
      let ulps = numbers.distance(one, other)
      differing += 1
      if let ulps {
        ulpsMost = max(ulpsMost ?? 0, ulps)
      } else if numbers.isNaN(one), numbers.isNaN(other) {
        nanBoth += 1
      } else {
        nanOne += 1
      }
      if first == nil {
        first = Element(
          index: i, coordinates: coordinates(of: i, in: a.shape),
          bits: [numbers.hex(one), numbers.hex(other)],
          values: [numbers.text(one), numbers.text(other)], ulps: ulps)
      }
    }
    return first.map {
      TensorDifference(
        count: left.count, differing: differing, nanBoth: nanBoth, nanOne: nanOne,
        ulpsMost: ulpsMost, first: $0)
    }
  }

  private static func coordinates(of index: Int, in shape: Shape) -> [Int] {
    var rest = index
    var reversed: [Int] = []
    for size in shape.dimensions.reversed() {
      reversed.append(rest % size)
      rest /= size
    }
    return reversed.reversed()
  }
}
