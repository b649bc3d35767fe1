// SPDX-License-Identifier: Apache-2.0

/// Builds a message: fixed-width little-endian numbers and length-prefixed runs of bytes.
public struct ByteWriter: Sendable {
  @usableFromInline var written: [UInt8] = []
  public var bytes: [UInt8] { written }

  public init(reserving byteCount: Int = 64) { written.reserveCapacity(byteCount) }

  @inlinable
  public mutating func put<Number: FixedWidthInteger & UnsignedInteger>(_ number: Number) {
    var rest = number
    for _ in 0..<MemoryLayout<Number>.size {
      written.append(UInt8(truncatingIfNeeded: rest))
      if Number.bitWidth > 8 { rest >>= 8 }
    }
  }

  @inlinable
  public mutating func put(_ number: Double) { put(number.bitPattern) }

  /// Raw bytes, without their length.
  @inlinable
  public mutating func put(raw run: some Collection<UInt8>) { written.append(contentsOf: run) }

  /// A 32-bit length, then the bytes.
  @inlinable
  public mutating func put(run: some Collection<UInt8>) {
    put(UInt32(run.count))
    written.append(contentsOf: run)
  }

  public mutating func put(_ text: String) { put(run: text.utf8) }

  /// A 32-bit count, then each element by `body`.
  @inlinable
  public mutating func put<Elements: Collection>(
    each elements: Elements, _ body: (inout ByteWriter, Elements.Element) -> Void
  ) {
    put(UInt32(elements.count))
    for element in elements { body(&self, element) }
  }
}
