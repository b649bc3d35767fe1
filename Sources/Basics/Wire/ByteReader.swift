// SPDX-License-Identifier: Apache-2.0

/// A message from elsewhere that does not decode.
public struct MalformedMessage: FerryError, Equatable {
  public let what: String
  public let place: String

  public init(what: String, place: String) {
    self.what = what
    self.place = place
  }

  public var codeName: String { "malformed-message" }
  public var remedy: String {
    "The sender is broken, hostile or of another version; it is ignored."
  }
}

/// Takes a message apart. Every length is checked against what is there before anything is made.
public struct ByteReader: Sendable {
  @usableFromInline let bytes: [UInt8]
  @usableFromInline var position: Int
  private let place: String

  /// - Parameters:
  ///   - start: where to begin, at most `bytes.count`.
  ///   - place: names the message in errors, such as `promise`.
  public init(_ bytes: [UInt8], from start: Int = 0, place: String) {
    precondition((0...bytes.count).contains(start), "byte \(start) of \(bytes.count)")
    self.bytes = bytes
    self.place = place
    position = start
  }

  @inlinable public var remaining: Int { bytes.count - position }

  public func malformed(_ what: String) -> MalformedMessage {
    MalformedMessage(what: what, place: "\(place), byte \(position) of \(bytes.count)")
  }

  @inlinable
  public mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
    _: Number.Type = Number.self
  ) throws(MalformedMessage) -> Number {
    let size = MemoryLayout<Number>.size
    guard remaining >= size else { throw malformed("a number of \(size) bytes is cut off") }
    var value: Number = 0
    for i in (0..<size).reversed() {
      if Number.bitWidth > 8 { value <<= 8 }
      value |= Number(truncatingIfNeeded: bytes[position + i])
    }
    position += size
    return value
  }

  public mutating func double() throws(MalformedMessage) -> Double {
    Double(bitPattern: try number(UInt64.self))
  }

  public mutating func raw(_ count: Int) throws(MalformedMessage) -> [UInt8] {
    guard count >= 0, remaining >= count else {
      throw malformed("\(count) bytes were announced, \(remaining) are there")
    }
    guard count > 0 else { return [] }
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  /// Everything that is left.
  public mutating func rest() -> [UInt8] {
    defer { position = bytes.count }
    return Array(bytes[position...])
  }

  /// Bytes written by `put(run:)`, at most `byteCountMax` of them.
  public mutating func run(max byteCountMax: Int) throws(MalformedMessage) -> [UInt8] {
    let count = Int(try number(UInt32.self))
    guard count <= byteCountMax else {
      throw malformed("\(count) bytes were announced, at most \(byteCountMax) are allowed")
    }
    return try raw(count)
  }

  public mutating func text(max byteCountMax: Int) throws(MalformedMessage) -> String {
    let run = try run(max: byteCountMax)
    guard let text = String(validating: run, as: UTF8.self) else {
      throw malformed("a text is not UTF-8")
    }
    return text
  }

  /// Elements written by `put(each:)`, at most `countMax`, each of at least `byteCountMin` bytes.
  @inlinable
  public mutating func each<Element>(
    max countMax: Int, byteCountMin: Int,
    _ body: (inout ByteReader) throws(MalformedMessage) -> Element
  ) throws(MalformedMessage) -> [Element] {
    let count = Int(try number(UInt32.self))
    guard count <= countMax, count * byteCountMin <= remaining else {
      throw malformed("\(count) elements were announced, \(remaining) bytes are there")
    }
    var elements: [Element] = []
    elements.reserveCapacity(count)
    for _ in 0..<count { elements.append(try body(&self)) }
    return elements
  }

  /// Throws unless everything was read.
  public func end() throws(MalformedMessage) {
    guard remaining == 0 else { throw malformed("\(remaining) bytes too many") }
  }
}
