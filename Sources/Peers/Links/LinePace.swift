// SPDX-License-Identifier: Apache-2.0

/// How fast a short path's connection may send so that it fills its line and no queue: learnt from
/// what arrives while a queue stands on the way.
///
/// A connection that only losses slow down keeps the queue before its line full. In a ring what a
/// member acknowledges waits behind what it sends itself, so where one queue is long the neighbour's
/// runs empty, and an empty one is a line at rest. So a connection goes as fast as its line was seen
/// to carry, a little less while a queue stands, and tries more, in growing steps, while none does.
///
/// Others may stand in the same queue, and would take what a connection gives up each time it finds
/// one. So it is never held much below what the line has once carried; what is less than that, the
/// congestion control decides, as if nothing were known here.
package struct LinePace: Sendable, Equatable {
  /// What waits longer than this, beyond the shortest round trip, stands in a queue.
  private static let waitMin = Duration.milliseconds(3)
  /// Lines as fast as this are left alone: what is faster, processors limit.
  private static let fast = 250e6
  /// So many measurements of a full line teach its speed: the first are of neighbours that have not
  /// learnt theirs, either.
  private static let lessonsMin = 4
  /// Of what the line carries, while a queue stands.
  private static let drain = 0.99
  /// A lower measurement counts down to this part of the highest, and is believed by so much.
  private static let floor = 0.9, belief = 0.25
  /// What comes as near to the pace as this was held back by it.
  private static let near = 0.95
  /// A step up, of the pace; beyond what the line was seen to carry each is twice as long as the last.
  private static let stepFirst = 0.005

  /// Bytes a second; nil while nothing holds the connection back.
  package private(set) var speed: Double?
  /// What the line carries, and what it has carried at best.
  private var carried = 0.0, best = 0.0
  private var lessons = 0
  private var step = LinePace.stepFirst

  package init() {}

  /// So many bytes arrived in a time in which this connection, alone with bulk on its machine, always
  /// had more to send.
  ///
  /// - Parameters:
  ///   - wait: how much longer than the shortest round trips are now.
  ///   - resent: segments sent again.
  package mutating func measured(bytes: Int, over time: Duration, wait: Duration, resent: Int) {
    // The system's counts have 32 bits and begin anew.
    guard bytes > 0, resent >= 0, time > .zero else { return }
    let rate = Double(bytes) / (time / .seconds(1))
    guard rate < Self.fast else {
      self = LinePace()
      return
    }
    guard wait >= Self.waitMin || resent > 0 else { return tryMore(reached: rate) }
    best = max(best, rate)
    if rate >= carried {
      carried = rate
    } else if rate >= Self.floor * best {
      carried += Self.belief * (rate - carried)
    }
    lessons = min(lessons + 1, Self.lessonsMin)
    if lessons == Self.lessonsMin { (speed, step) = (Self.drain * carried, Self.stepFirst) }
  }

  private mutating func tryMore(reached rate: Double) {
    guard let held = speed, rate >= Self.near * held else { return }
    speed = held * (1 + step)
    if held > carried { step *= 2 }
  }
}
