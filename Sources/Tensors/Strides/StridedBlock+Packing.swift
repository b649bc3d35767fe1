// SPDX-License-Identifier: Apache-2.0

/// From memory into one piece, and back.
///
/// A contiguous layout is one `memcpy`, long blocks are one each, and short ones are moved in words
/// of up to 32 bytes.
extension StridedBlock {
  /// Whether all its bytes lie in `byteCount` bytes when its origin is byte `origin` of them.
  public func fits(in byteCount: Int, at origin: Int = 0) -> Bool {
    guard !isEmpty else { return true }
    let (lower, isLow) = footprint.lowerBound.addingReportingOverflow(origin)
    let (upper, isHigh) = footprint.upperBound.addingReportingOverflow(origin)
    return !isLow && !isHigh && lower >= 0 && upper <= byteCount
  }

  /// Copies the bytes it means, in its order, to `packed`.
  ///
  /// - Parameters:
  ///   - source: the memory; the layout must fit in it.
  ///   - origin: the byte of `source` where the layout's origin is.
  ///   - packed: elements of exactly `byteCount` bytes together.
  @specialized(where Element == UInt8)
  @specialized(where Element == Float)
  public func pack<Element: TensorElement>(
    _ source: RawSpan, at origin: Int = 0, into packed: inout MutableSpan<Element>
  ) {
    pack(source, at: origin, into: &packed, build: .best)
  }

  package func pack<Element: TensorElement>(
    _ source: RawSpan, at origin: Int = 0, into packed: inout MutableSpan<Element>,
    build: KernelBuild
  ) {
    require(source.byteCount, origin, packed.count * MemoryLayout<Element>.stride)
    guard !isEmpty else { return }
    if isContiguous, build != .plain {
      return Bytes.copy(
        source.extracting(origin + start..<origin + start + byteCount), into: &packed)
    }
    switch build {
    case .best: KernelCalls.pack(self, source, at: origin, into: &packed, generic: false)
    case .generic: KernelCalls.pack(self, source, at: origin, into: &packed, generic: true)
    case .plain:
      let bytes = Bytes.array(source)
      let gathered = offsets.map { bytes[origin + $0] }
      Bytes.copy(gathered.span.elementBytes, into: &packed)
    }
  }

  /// Puts packed bytes back where the layout says. Where it means a byte twice, the last one stays.
  ///
  /// - Parameters:
  ///   - packed: exactly `byteCount` bytes.
  ///   - target: the memory; the layout must fit in it, and what it does not mean stays.
  ///   - origin: the byte of `target` where the layout's origin is.
  @specialized(where Element == UInt8)
  @specialized(where Element == Float)
  public func unpack<Element: TensorElement>(
    _ packed: RawSpan, into target: inout MutableSpan<Element>, at origin: Int = 0
  ) {
    unpack(packed, into: &target, at: origin, build: .best)
  }

  package func unpack<Element: TensorElement>(
    _ packed: RawSpan, into target: inout MutableSpan<Element>, at origin: Int = 0,
    build: KernelBuild
  ) {
    require(target.count * MemoryLayout<Element>.stride, origin, packed.byteCount)
    guard !isEmpty else { return }
    if isContiguous, build != .plain {
      return Bytes.copy(packed, into: &target, at: origin + start)
    }
    switch build {
    case .best: KernelCalls.unpack(self, packed, into: &target, at: origin, generic: false)
    case .generic: KernelCalls.unpack(self, packed, into: &target, at: origin, generic: true)
    case .plain:
      var bytes = Bytes.array(target.span.elementBytes)
      let packed = Bytes.array(packed)
      for (place, offset) in offsets.enumerated() { bytes[origin + offset] = packed[place] }
      Bytes.copy(bytes.span.elementBytes, into: &target)
    }
  }

  /// Where each byte lies, counted from the origin, in order: what the layout means.
  package var offsets: [Int] {
    guard !isEmpty else { return [] }
    var offsets = [start]
    for (count, stride) in zip(counts, strides) {
      offsets = (0..<count).flatMap { repetition in offsets.map { $0 + repetition * stride } }
    }
    return offsets
  }

  private func require(_ wide: Int, _ origin: Int, _ packed: Int) {
    precondition(
      fits(in: wide, at: origin), "bytes \(footprint) from \(origin) do not lie in \(wide) bytes")
    precondition(packed == byteCount, "\(packed) bytes for a layout of \(byteCount)")
  }
}
