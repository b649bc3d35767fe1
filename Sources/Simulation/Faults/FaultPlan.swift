// SPDX-License-Identifier: Apache-2.0

/// Which faults a world has, how often and how long: drawn from its seed, written as a script, or
/// both.
public struct FaultPlan: Sendable {
  /// A kind of fault that comes again and again until the time of faults ends.
  public struct Recurrence: Sendable {
    /// The mean time between two beginnings, over the whole world.
    public var every: Duration
    /// How long each lasts; for a death, how long until the restart. Not used by `reset`.
    public var lasting: ClosedRange<Duration>

    public init(every: Duration, lasting: ClosedRange<Duration> = .zero ... .zero) {
      precondition(every > .zero, "a fault cannot recur every \(every)")
      self.every = every
      self.lasting = lasting
    }
  }

  /// Faults end here: cuts heal, the stopped go on, the dead start again (if they come back).
  public var until: Duration
  /// Chances for each frame sent, from 0 to 1.
  public var lossChance = 0.0
  public var delayChance = 0.0
  public var delayLasting: ClosedRange<Duration> = .milliseconds(10) ... .milliseconds(800)
  public var resetChance = 0.0
  /// Chance for each attempt to open a link.
  public var refusalChance = 0.0
  /// Chance for each operation on a simulated disk.
  public var diskChance = 0.0
  /// Clocks drift by up to this many parts per million, either way (at most 200 000).
  public var clockDriftPerMillionMax = 0
  /// Clocks begin at up to this much.
  public var clockOffsetMax: Duration = .zero
  /// Kinds that may recur: reset, partition, oneWayPartition, crash, powerLoss, slowness, stop.
  public var recurring: [FaultKind: Recurrence] = [:]
  /// How long a slow peer takes over one event.
  public var slowHandling: ClosedRange<Duration> = .milliseconds(1) ... .milliseconds(20)
  /// Recurring deaths leave at least so many peers alive.
  public var livingMin = 1
  /// The chance that a peer killed by a recurring fault starts again.
  public var returnChance = 1.0
  /// Faults at given times.
  public var script: [ScriptedFault] = []

  public init(until: Duration) { self.until = until }

  /// Nothing goes wrong.
  public static let none = FaultPlan(until: .zero)

  /// Everything goes wrong, now and then, until `until`.
  ///
  /// - Parameter rate: how often, relative to the default of about one fault with a duration each
  ///   second; above zero.
  public static func everything(until: Duration, rate: Double = 1) -> FaultPlan {
    precondition(rate > 0, "a rate is above zero, got \(rate)")
    var plan = FaultPlan(until: until)
    plan.lossChance = min(0.5, 0.01 * rate)
    plan.delayChance = min(0.5, 0.005 * rate)
    plan.resetChance = min(0.1, 0.0005 * rate)
    plan.refusalChance = min(0.5, 0.05 * rate)
    plan.diskChance = min(0.5, 0.01 * rate)
    plan.clockDriftPerMillionMax = 500
    plan.clockOffsetMax = .seconds(1000)
    func recurrence(_ seconds: Double, _ lasting: ClosedRange<Duration>) -> Recurrence {
      Recurrence(every: .seconds(seconds / rate), lasting: lasting)
    }
    plan.recurring = [
      .reset: recurrence(4, .zero ... .zero),
      .partition: recurrence(8, .milliseconds(100) ... .seconds(5)),
      .oneWayPartition: recurrence(8, .milliseconds(100) ... .seconds(5)),
      .crash: recurrence(6, .milliseconds(5) ... .seconds(4)),
      .powerLoss: recurrence(12, .milliseconds(500) ... .seconds(6)),
      .slowness: recurrence(8, .milliseconds(500) ... .seconds(4)),
      .stop: recurrence(8, .milliseconds(50) ... .seconds(4)),
    ]
    return plan
  }
}

/// One fault at a given time; peers are named by their index.
public struct ScriptedFault: Sendable {
  /// What happens, and to whom.
  public enum Fault: Sendable, Equatable {
    /// Peers of different groups cannot reach each other; who is in no group is not touched.
    case partition([[Int]])
    /// What the first send to the second does not arrive.
    case oneWayPartition(from: [Int], to: [Int])
    /// Breaks the link between two peers, if there is one.
    case reset(Int, Int)
    case crash(Int)
    case powerLoss(Int)
    /// Starts a dead peer again.
    case restart(Int)
    case slowness(Int, handling: Duration)
    case stop(Int)
  }

  public let at: Duration
  public let fault: Fault
  /// How long it lasts; nil: to the end of faults. A death that lasts ends with a restart.
  public let lasting: Duration?

  public init(at: Duration, _ fault: Fault, lasting: Duration? = nil) {
    self.at = at
    self.fault = fault
    self.lasting = lasting
  }
}
