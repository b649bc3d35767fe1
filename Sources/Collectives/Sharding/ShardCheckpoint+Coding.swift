// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryPlanning
import FerryTensors

extension ShardCheckpoint {
  /// The most vectors that an optimizer remembers.
  public static let vectorsMax = 16
  /// The longest name of one.
  public static let nameBytesMax = 64

  /// The form in files and messages: numbers first, then all vectors; little-endian.
  public func encoded() -> [UInt8] {
    var out = ByteWriter(reserving: 64 + 4 * parameters.count * (state.count + 1))
    for number in [range.lowerBound, range.count, steps] { out.put(UInt64(number)) }
    out.put(each: state) { $0.put($1.name) }
    for values in [parameters] + state.map(\.values) {
      out.put(raw: Values.f32(values).bytes)
    }
    return out.bytes
  }

  /// Reads one that fills `bytes` exactly.
  ///
  /// - Throws: when it does not; nothing is allocated before lengths are checked.
  public init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    var reader = ByteReader(bytes, place: "checkpoint of a shard")
    let start = try Self.number(&reader, max: ShardLayout.countMax)
    let count = try Self.number(&reader, max: ShardLayout.countMax)
    let steps = try Self.number(&reader, max: Int.max)
    let names = try reader.each(max: Self.vectorsMax, byteCountMin: 4) {
      reader throws(MalformedMessage) in try reader.text(max: Self.nameBytesMax)
    }
    guard reader.remaining == 4 * count * (names.count + 1) else {
      throw reader.malformed("\(names.count + 1) vectors of \(count) numbers were announced")
    }
    let parameters = try Self.vector(&reader, count)
    var state: [(name: String, values: [Float])] = []
    for name in names { state.append((name, try Self.vector(&reader, count))) }
    try reader.end()
    self.init(range: start..<start + count, steps: steps, parameters: parameters, state: state)
  }

  private static func number(
    _ reader: inout ByteReader, max: Int
  ) throws(MalformedMessage) -> Int {
    let number: UInt64 = try reader.number()
    guard number <= UInt64(max) else { throw reader.malformed("\(number) is above \(max)") }
    return Int(number)
  }

  private static func vector(
    _ reader: inout ByteReader, _ count: Int
  ) throws(MalformedMessage) -> [Float] {
    let bytes = try reader.raw(4 * count)
    return Bytes.values(in: bytes.span.elementBytes)
  }

  /// Those of the newest step whose parts cover a run of `count` parameters; nil when none do.
  public static func newest(of parts: [ShardCheckpoint], covering count: Int) -> [ShardCheckpoint]?
  {
    for steps in Set(parts.map(\.steps)).sorted(by: >) {
      let same = parts.filter { $0.steps == steps }
      var end = 0
      for part in same.sorted(by: { $0.range.lowerBound < $1.range.lowerBound })
      where part.range.lowerBound <= end {
        end = max(end, part.range.upperBound)
      }
      if end >= count { return same }
    }
    return nil
  }
}
