// SPDX-License-Identifier: Apache-2.0

import FerryPeers

/// Trains of frames, by which the way from one member to another is timed.
///
/// The receiver divides the bytes behind the first frame by the time from the first frame to the
/// last. One train is not believed: a busy machine, a lost packet or a window that is still opening
/// makes a link look slower than it is, so the fastest of several counts. They are long, because what
/// waited for a thread at the receiver arrives all at once.
package enum PathProbe {
  /// Larger groups are not measured: each pair is measured by itself.
  package static let membersMax = 32
  /// Of one train.
  package static let framesEach = 16
  /// The first train, in bytes.
  static let bytesFirst = 64 << 10
  /// The longest.
  package static let bytesMax = 1 << 20
  /// The next is so many times longer.
  static let growth = 4
  /// More trains are not sent, whatever they say.
  package static let trainsMax = 8
  /// A shorter time is too short to tell the speed of a slow link.
  static let spanMin: Duration = .milliseconds(10)
  /// So many that take long enough are compared.
  static let longTrains = 3
  /// So many say that a link is beyond what counts.
  static let fastTrains = 2
  /// Links as fast as this are all the same: what is faster, processors limit.
  static let speedMax = 250e6
  /// A train's answer is not waited for any longer.
  static let answerMax: Duration = .seconds(5)
  /// Trains of one pair that may be disturbed before it is left for a later turn.
  static let disturbancesMax = 3
}

/// One member's measurement of the way to a fellow, from the sender's side.
struct OutgoingProbe: Sendable {
  let fellow: Member
  let number: UInt64
  private(set) var train: UInt8 = 0
  private(set) var byteCount = PathProbe.bytesFirst
  private(set) var disturbances = 0
  private(set) var deadline: Duration = .zero

  init(fellow: Member, number: UInt64) {
    self.fellow = fellow
    self.number = number
  }

  /// The next train's frames.
  mutating func frames(at now: Duration) -> [Frame] {
    deadline = now + PathProbe.answerMax
    let padding = byteCount / PathProbe.framesEach
    return (0..<PathProbe.framesEach).map { index in
      let train = PathMessage.Train(
        probe: number, number: train, index: UInt8(index), padding: padding)
      return GroupMessage.paths(.train(train)).frame()
    }
  }

  /// Whether another train follows.
  mutating func take(_ verdict: PathMessage.Verdict) -> Bool {
    switch verdict {
    case .isKnown: return false
    case .again: break
    case .larger: byteCount = min(byteCount * PathProbe.growth, PathProbe.bytesMax)
    case .wasDisturbed:
      disturbances += 1
      return disturbances < PathProbe.disturbancesMax
    }
    train += 1
    return train < PathProbe.trainsMax
  }
}

/// The receiver's side of it.
package struct IncomingProbe: Sendable {
  private let number: UInt64
  private var train: UInt8 = 0
  private var next: UInt8 = 0
  private var began: Duration = .zero
  private var byteCount = 0
  /// How much else had come when the train began.
  private var besides = 0
  /// The fastest of those that took long enough.
  private var best = 0.0
  private var longCount = 0
  private var fastCount = 0

  package init(number: UInt64) { self.number = number }

  func isOf(_ number: UInt64) -> Bool { self.number == number }

  /// Takes a frame; at the end of a train the verdict, and the speed once it is known.
  ///
  /// - Parameters:
  ///   - besides: a count that grows with everything else that comes or goes.
  ///   - trip: the round trip to the sender, if it is known.
  package mutating func take(
    _ frame: PathMessage.Train, besides: Int, trip: Duration?, at now: Duration
  ) -> (verdict: PathMessage.Verdict, speed: Double?)? {
    if frame.index == 0 {
      (train, next, began, byteCount, self.besides) = (frame.number, 1, now, 0, besides)
      return nil
    }
    guard frame.number == train, frame.index == next else {
      next = 0
      return nil
    }
    next += 1
    byteCount += frame.padding
    guard Int(next) == PathProbe.framesEach else { return nil }
    next = 0
    guard self.besides == besides else { return (.wasDisturbed, nil) }
    let span = now - began
    let speed = min(
      Double(byteCount) / (max(span, .microseconds(1)) / .seconds(1)), PathProbe.speedMax)
    if speed == PathProbe.speedMax {
      fastCount += 1
    } else if span >= max(PathProbe.spanMin, (trip ?? .zero) * 4)
      || frame.padding * PathProbe.framesEach >= PathProbe.bytesMax
    {
      longCount += 1
      best = max(best, speed)
    } else if Int(frame.number) + 1 < PathProbe.trainsMax {
      return (.larger, nil)
    }
    if fastCount >= PathProbe.fastTrains { return (.isKnown, PathProbe.speedMax) }
    let isOver = longCount >= PathProbe.longTrains || Int(frame.number) + 1 >= PathProbe.trainsMax
    return isOver ? (.isKnown, best > 0 ? best : speed) : (.again, nil)
  }
}
