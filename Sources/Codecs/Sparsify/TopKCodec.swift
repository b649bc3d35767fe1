// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// The values of largest magnitude as they are, and zeros for all others.
///
/// How many are kept follows from how many there are, so that the byte count is exact. Of equal
/// magnitudes those that come first are kept: the same values give the same bytes, whatever the
/// seed. Bytes: the indices (`SortedIndices`), then each value (f32, little-endian); never an
/// infinity, NaN or -0, which is kept as 0.
///
/// What it does not promise: a value that is dropped is lost, so the error of one value may be as
/// large as the value itself, and the mean over seeds is not the value. Of all values together,
/// `Σ (decoded - value)² ≤ (1 - k / n) Σ value²`. Whoever trains with it adds what was dropped to
/// the next exchange (error feedback); this codec does not. In an all-reduce each piece keeps its
/// own share, and the sum of several contributions is cut down to `k` again.
public struct TopKCodec: Codec {
  /// How many values are kept.
  public enum Keeping: Hashable, Sendable {
    /// This part of them, above 0 and at most 1; rounded up, so at least one where there are any.
    case fraction(Double)
    /// This many, at least 1; all where there are fewer.
    case count(Int)
  }

  /// Where nothing else is said: 1 in 32.
  public static let keepingDefault = Keeping.fraction(1 / 32)

  /// How many values are kept.
  public let keeping: Keeping

  /// Keeps a fraction or a count of all values.
  public init(keeping: Keeping = keepingDefault) {
    switch keeping {
    case .fraction(let part): precondition(part > 0 && part <= 1, "keeps a part of \(part)")
    case .count(let count): precondition(count >= 1, "keeps \(count) values")
    }
    self.keeping = keeping
  }

  public var kind: CodecKind { .topK }

  /// Values that are kept of `count ≥ 0`.
  public func kept(of count: Int) -> Int {
    switch keeping {
    case .fraction(let part): min(count, Int((Double(count) * part).rounded(.up)))
    case .count(let most): min(count, most)
    }
  }

  /// Four bytes for each value kept, and about 2 + log₂(1 / fraction) bits for its index.
  public func byteCount(for count: Int) -> Int {
    indices(of: count).byteCount + 4 * kept(of: count)
  }

  public func encode(
    _ values: Span<Float>, seed: Seed, into bytes: inout MutableSpan<UInt8>
  ) throws(CodecError) {
    requireRoom(bytes.count, for: values.count)
    let indices = indices(of: values.count)
    var kept = [UInt32](repeating: 0, count: indices.count)
    var view = kept.mutableSpan
    if let bad = Kernels.largest(of: values, into: &view) { throw notFinite(values[bad], at: bad) }
    indices.encode(kept.span, into: &bytes)
    for (place, index) in kept.enumerated() {
      // + 0 makes 0 of -0: see `accumulate`.
      let bits = (values[Int(index)] + 0).bitPattern
      for byte in 0..<4 {
        bytes[indices.byteCount + 4 * place + byte] = UInt8(truncatingIfNeeded: bits >> (8 * byte))
      }
    }
  }

  public func decode(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    let entries = try entries(bytes, of: values.count)
    values.update(repeating: 0)
    for (index, value) in entries { values[index] = value }
  }

  public func accumulate(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    let entries = try entries(bytes, of: values.count)
    // Adding 0 is not nothing: it makes 0 of -0. As no entry is -0, adding it after changes no bit.
    for i in values.indices { values[i] += 0 }
    for (index, value) in entries { values[index] += value }
  }

  /// All of `peak`: a value that is dropped is lost.
  public func errorBound(peak: Float) -> Float { peak }

  private func indices(of count: Int) -> SortedIndices {
    SortedIndices(count: kept(of: count), below: count)
  }

  /// What the bytes say, all of it checked.
  private func entries(
    _ bytes: Span<UInt8>, of count: Int
  ) throws(CodecError) -> [(Int, Float)] {
    try requireLength(bytes.count, for: count)
    let indices = indices(of: count)
    guard let kept = indices.decode(bytes) else {
      throw malformed("indices that no encoder writes", at: 0)
    }
    var entries: [(Int, Float)] = []
    entries.reserveCapacity(kept.count)
    for (place, index) in kept.enumerated() {
      let start = indices.byteCount + 4 * place
      let value = Float(
        bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * $1) })
      guard value.isFinite, value.bitPattern != 0x8000_0000 else {
        throw malformed("the value \(value), which no encoder writes", at: Int(index))
      }
      entries.append((Int(index), value))
    }
    return entries
  }
}
