// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryPlanning

extension ShardCoding {
  /// The codec that encodes in this form.
  var codec: any Codec {
    switch form {
    case .float32: Float32Codec()
    case .bfloat16: BFloat16Codec()
    case .int8: Int8Codec(block: block, rounding: .nearest)
    case .int8Stochastic: Int8Codec(block: block, rounding: .stochastic)
    case .int4: Int4Codec(block: block, rounding: .nearest)
    case .int4Stochastic: Int4Codec(block: block, rounding: .stochastic)
    }
  }
}

/// Values of a range of the run as bytes, and back: in one coding, but for exact ranges in f32.
///
/// What is not exact comes first, closed up, so that no block holds both kinds.
struct ShardPacker: Sendable {
  private let layout: ShardLayout
  private let codec: any Codec
  private let isBlockwise: Bool

  init(_ layout: ShardLayout, _ coding: ShardCoding) {
    self.layout = layout
    codec = coding.codec
    isBlockwise = coding.form.isBlockwise
  }

  /// The exact runs within a range; without blocks nothing is set apart.
  private func runs(in range: Range<Int>) -> [Range<Int>] {
    guard isBlockwise else { return [] }
    return layout.exact.filter { $0.overlaps(range) }.map { $0.clamped(to: range) }
  }

  /// Bytes that a range takes.
  func byteCount(_ range: Range<Int>) -> Int {
    let exact = runs(in: range).reduce(0) { $0 + $1.count }
    return codec.byteCount(for: range.count - exact) + 4 * exact
  }

  /// - Parameter values: those of the range.
  /// - Throws: `.notEncodable`, naming the parameter.
  func encode(
    _ values: [Float], of range: Range<Int>, seed: Seed
  ) throws(CollectiveError) -> [UInt8] {
    let runs = runs(in: range)
    var (rounded, exact) = (values, [Float]())
    for run in runs.reversed() {
      let part = run.lowerBound - range.lowerBound..<run.upperBound - range.lowerBound
      exact = values[part] + exact
      rounded.removeSubrange(part)
    }
    do throws(CodecError) {
      let bytes = try codec.encode(rounded, seed: seed)
      return runs.isEmpty ? bytes : bytes + (try Float32Codec().encode(exact, seed: seed))
    } catch {
      throw CollectiveError(
        .notEncodable, error.what, place: "\(error.place), parameters \(range)",
        remedy: error.remedy)
    }
  }

  /// - Throws: `.wrongLength`, `.malformedPayload`, naming the rank that sent it.
  func decode(
    _ bytes: [UInt8], of range: Range<Int>, from rank: Int
  ) throws(CollectiveError) -> [Float] {
    let needed = byteCount(range)
    guard bytes.count == needed else {
      throw refused(
        .wrongLength, "\(bytes.count) bytes, and parameters \(range) take \(needed)", rank)
    }
    let runs = runs(in: range)
    let exactCount = runs.reduce(0) { $0 + $1.count }
    do throws(CodecError) {
      guard !runs.isEmpty else { return try codec.decode(bytes, count: range.count) }
      let rounded = try codec.decode(
        Array(bytes.dropLast(4 * exactCount)), count: range.count - exactCount)
      let exact = try Float32Codec().decode(
        Array(bytes.suffix(4 * exactCount)), count: exactCount)
      var values: [Float] = []
      values.reserveCapacity(range.count)
      var (from, taken) = (0, 0)
      for run in runs {
        let before = run.lowerBound - range.lowerBound - values.count
        values += rounded[from..<from + before]
        values += exact[taken..<taken + run.count]
        from += before
        taken += run.count
      }
      return values + rounded[from...]
    } catch {
      throw refused(.malformedPayload, error.what, rank)
    }
  }

  private func refused(
    _ code: CollectiveError.Code, _ what: String, _ rank: Int
  ) -> CollectiveError {
    CollectiveError(
      code, what, place: "shard from rank \(rank)",
      remedy: "The sender is broken or lying, or its scheme is another one.", culprit: rank)
  }
}
