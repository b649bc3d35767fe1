// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
package import FerryPeers

/// What members tell each other about the links between them.
package enum PathMessage: Sendable, Hashable {
  /// One frame of a train: so many follow each other, and the receiver times them.
  case train(Train)
  /// What the receiver of a train thinks of it.
  case heard(probe: UInt64, Verdict)
  /// The receiver is to measure its links now, or, with `isWhole`, those already known as well.
  case turn(view: UInt64, isWhole: Bool)
  /// What the sender knows of the ways to it.
  case table([Row])

  /// One frame of a train.
  package struct Train: Sendable, Hashable {
    /// Of the sender; its trains follow one another.
    package var probe: UInt64
    package var number: UInt8
    /// Of the frame, in `0..<PathProbe.framesEach`.
    package var index: UInt8
    /// Zeros behind all that: the load.
    package var padding: Int

    package init(probe: UInt64, number: UInt8, index: UInt8, padding: Int) {
      self.probe = probe
      self.number = number
      self.index = index
      self.padding = padding
    }
  }

  /// What is to come next.
  package enum Verdict: UInt8, Sendable {
    case isKnown = 0
    case again = 1
    case larger = 2
    /// Other bytes were on the way at the same time.
    case wasDisturbed = 3
  }

  /// The way from a fellow, in steps of `PathFigure`.
  package struct Row: Sendable, Hashable {
    package var from: PeerID
    package var speed: UInt8
    package var trip: UInt8

    package init(from: PeerID, speed: UInt8, trip: UInt8) {
      self.from = from
      self.speed = speed
      self.trip = trip
    }
  }

  var isBulk: Bool { if case .train = self { true } else { false } }

  private static let rowByteCount = PeerID.byteCount + 2

  package func encoded() -> [UInt8] {
    var out = ByteWriter()
    switch self {
    case .train(let train):
      out = ByteWriter(reserving: train.padding + 16)
      out.put(UInt8(0))
      out.put(train.probe)
      out.put(train.number)
      out.put(train.index)
      out.put(raw: repeatElement(0, count: train.padding))
    case .heard(let probe, let verdict):
      out.put(UInt8(1))
      out.put(probe)
      out.put(verdict.rawValue)
    case .turn(let view, let isWhole):
      out.put(UInt8(2))
      out.put(view)
      out.put(UInt8(isWhole ? 1 : 0))
    case .table(let rows):
      out.put(UInt8(3))
      out.put(each: rows) {
        $0.put(raw: $1.from.bytes)
        $0.put($1.speed)
        $0.put($1.trip)
      }
    }
    return out.bytes
  }

  /// Reads one message that fills `bytes` from `start` on.
  package init(decoding bytes: [UInt8], after start: Int) throws(MalformedMessage) {
    if bytes.count > start, bytes[start] == 0 {
      // Not copied: a train is long, and nobody looks at its load.
      let head = start + 11
      guard bytes.count >= head else {
        throw MalformedMessage(what: "a train of \(bytes.count) bytes", place: "path message")
      }
      var reader = ByteReader(Array(bytes[start + 1..<head]), place: "path message")
      self = .train(
        Train(
          probe: try reader.number(), number: try reader.number(), index: try reader.number(),
          padding: bytes.count - head))
      return
    }
    var reader = ByteReader(Array(bytes.dropFirst(start)), place: "path message")
    switch try reader.number(UInt8.self) {
    case 1:
      let (probe, verdict) = (try reader.number(UInt64.self), try reader.number(UInt8.self))
      guard let verdict = Verdict(rawValue: verdict) else {
        throw reader.malformed("no verdict has the number \(verdict)")
      }
      self = .heard(probe: probe, verdict)
    case 2: self = .turn(view: try reader.number(), isWhole: try reader.number(UInt8.self) == 1)
    case 3:
      self = .table(
        try reader.each(max: PathProbe.membersMax, byteCountMin: Self.rowByteCount) {
          (r) throws(MalformedMessage) in
          guard let id = PeerID(bytes: try r.raw(PeerID.byteCount)) else {
            throw r.malformed("no peer id")
          }
          return Row(from: id, speed: try r.number(), trip: try r.number())
        })
    case let kind: throw reader.malformed("\(kind) is no kind of path message")
    }
    try reader.end()
  }
}
