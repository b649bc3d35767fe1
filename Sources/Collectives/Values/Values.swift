// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryTensors

/// A vector of one element type: what an operation takes and gives.
///
/// Equal when type and elements are; a NaN is equal to none, so compare `bytes` where bits count.
public enum Values: Sendable, Equatable {
  case f32([Float])
  case f64([Double])
  case f16([Half])
  case bf16([BFloat16])
  case i8([Int8])
  case i16([Int16])
  case i32([Int32])
  case i64([Int64])
  case u8([UInt8])
  case u16([UInt16])
  case u32([UInt32])
  case u64([UInt64])
  case bool([Bool])

  /// No values of this type.
  public init(_ type: ElementType) {
    self =
      switch type {
      case .f32: .f32([])
      case .f64: .f64([])
      case .f16: .f16([])
      case .bf16: .bf16([])
      case .i8: .i8([])
      case .i16: .i16([])
      case .i32: .i32([])
      case .i64: .i64([])
      case .u8: .u8([])
      case .u16: .u16([])
      case .u32: .u32([])
      case .u64: .u64([])
      case .bool: .bool([])
      }
  }

  /// The values that lie in these bytes: little-endian, one after another, in any alignment.
  ///
  /// - Throws: when they are not exactly `count ≥ 0` values, or a flag's byte is neither 0 nor 1.
  public init(_ type: ElementType, count: Int, bytes: RawSpan) throws(MalformedMessage) {
    let (needed, isTooLong) = count.multipliedReportingOverflow(by: type.byteWidth)
    guard count >= 0, !isTooLong, bytes.byteCount == needed else {
      throw MalformedMessage(
        what: "\(bytes.byteCount) bytes are not \(count) values of \(type)", place: "values")
    }
    self = try Values(type).visit(Decoding(bytes: Bytes.array(bytes)))
  }

  /// `count ≥ 0` zeros, or flags that are not set.
  public static func zeros(_ type: ElementType, count: Int) -> Values {
    Values(type).visit(Zeros(count: count))
  }

  /// One after another; all of this type.
  public static func joined(_ parts: [Values], of type: ElementType) -> Values {
    Values(type).visit(Joining(parts: parts))
  }

  /// How many there are.
  public var count: Int {
    if case .bool(let flags) = self { flags.count } else { visit(Counting()) }
  }

  /// What each of them is.
  public var elementType: ElementType {
    if case .bool = self { .bool } else { visit(Naming()) }
  }

  /// How many bytes they take.
  public var byteCount: Int { count * elementType.byteWidth }

  /// Their bytes: little-endian, one after another; a flag is 0 or 1.
  public var bytes: [UInt8] { visit(Encoding()) }

  /// The values of a range, which must lie in `0..<count`.
  public subscript(range: Range<Int>) -> Values { visit(Slicing(range: range)) }
}

/// Work on values of any type; the compiler makes a version for each.
protocol ElementVisitor {
  associatedtype Outcome
  associatedtype Failure: Error = Never
  func visit<Element: CollectiveElement>(_ values: [Element]) throws(Failure) -> Outcome
}

extension Values {
  func visit<Visitor: ElementVisitor>(
    _ visitor: Visitor
  ) throws(Visitor.Failure) -> Visitor.Outcome {
    switch self {
    case .f32(let values): try visitor.visit(values)
    case .f64(let values): try visitor.visit(values)
    case .f16(let values): try visitor.visit(values)
    case .bf16(let values): try visitor.visit(values)
    case .i8(let values): try visitor.visit(values)
    case .i16(let values): try visitor.visit(values)
    case .i32(let values): try visitor.visit(values)
    case .i64(let values): try visitor.visit(values)
    case .u8(let values): try visitor.visit(values)
    case .u16(let values): try visitor.visit(values)
    case .u32(let values): try visitor.visit(values)
    case .u64(let values): try visitor.visit(values)
    case .bool(let values): try visitor.visit(values.map(Flag.init))
    }
  }
}

extension Values {
  /// As `Digest.quick`.
  ///
  /// - Parameter count: of values that lie elsewhere, of which `sums` are known.
  func digest(seed: Seed, sums: [UInt64]?, count: Int? = nil, then bytes: [UInt8]) -> [UInt8] {
    visit(Digesting(seed: seed, sums: sums, count: count, end: bytes))
  }
}

private struct Digesting: ElementVisitor {
  let seed: Seed
  let sums: [UInt64]?
  let count: Int?
  let end: [UInt8]
  func visit<Element: CollectiveElement>(_ values: [Element]) -> [UInt8] {
    Digest.quick(
      of: values.span.elementBytes, count: count ?? values.count, seed: seed, sums: sums,
      then: end)
  }
}

private struct Counting: ElementVisitor {
  func visit<Element: CollectiveElement>(_ values: [Element]) -> Int { values.count }
}

private struct Naming: ElementVisitor {
  func visit<Element: CollectiveElement>(_ values: [Element]) -> ElementType {
    Element.elementType
  }
}

private struct Encoding: ElementVisitor {
  func visit<Element: CollectiveElement>(_ values: [Element]) -> [UInt8] {
    Bytes.array(values.span.elementBytes)
  }
}

private struct Zeros: ElementVisitor {
  let count: Int
  func visit<Element: CollectiveElement>(_: [Element]) -> Values {
    Element.wrap(Array(repeating: .zero, count: count))
  }
}

private struct Slicing: ElementVisitor {
  let range: Range<Int>
  func visit<Element: CollectiveElement>(_ values: [Element]) -> Values {
    Element.wrap(Array(values[range]))
  }
}

private struct Joining: ElementVisitor {
  let parts: [Values]
  func visit<Element: CollectiveElement>(_: [Element]) -> Values {
    let bytes = parts.flatMap { part in
      precondition(part.elementType == Element.elementType, "\(part.elementType) among others")
      return part.bytes
    }
    return Element.wrap(Bytes.values(in: bytes.span.elementBytes))
  }
}

private struct Decoding: ElementVisitor {
  let bytes: [UInt8]
  func visit<Element: CollectiveElement>(
    _: [Element]
  ) throws(MalformedMessage) -> Values {
    let values: [Element] = Bytes.values(in: bytes.span.elementBytes)
    if let bad = Element.firstUnsound(bytes.span) {
      throw MalformedMessage(what: "the byte \(bytes[bad]) is no flag", place: "values, \(bad)")
    }
    return Element.wrap(values)
  }
}
