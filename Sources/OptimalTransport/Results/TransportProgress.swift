// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How far a solver is, told at every place at which it can be cancelled.
public struct TransportProgress: Sendable, Equatable {
  /// The solver's name, as in its errors; of one that solves problems for another, its own.
  public let solver: String
  /// How often this solver has come by since watching began, from 1: its steps, or a fixed number of
  /// smaller ones such as pivots.
  public let step: Int
  /// What is left, in the measure that the solver stops by, or nil where it does not know it there.
  public let error: Double?

  /// Runs `body`, and tells of all solvers that run in it, in the thread that called them.
  ///
  /// An observer can stop a solver by cancelling the task. What solvers hand to threads of their own,
  /// such as the problems of a batch, is told of as a whole.
  ///
  /// - Parameter observer: told of one step after the other, in the thread of `body`; solvers wait for it.
  public static func watched<Value>(
    by observer: @escaping @Sendable (TransportProgress) -> Void, _ body: () throws -> Value
  ) rethrows -> Value {
    try ProgressWatch.$current.withValue(ProgressWatch(observer), operation: body)
  }
}

/// Who is told, and how often each solver came by.
private final class ProgressWatch: Sendable {
  @TaskLocal static var current: ProgressWatch?

  private let observer: @Sendable (TransportProgress) -> Void
  private let steps = Mutex<[String: Int]>([:])

  init(_ observer: @escaping @Sendable (TransportProgress) -> Void) { self.observer = observer }

  func pass(_ solver: String, error: Double?) {
    let step = steps.withLock { steps in
      steps[solver, default: 0] += 1
      return steps[solver]!
    }
    observer(TransportProgress(solver: solver, step: step, error: error))
  }
}

/// Throws where the task that runs the solver was cancelled; else tells whoever watches.
///
/// - Parameter error: what is left, in the measure that the solver stops by; nil where it is not known.
func checkCancelled(_ solver: String, error: Double? = nil) throws(TransportError) {
  if Task.isCancelled {
    throw TransportError(
      .cancelled, "the task was cancelled", at: solver, remedy: "Run it again if it is wanted.")
  }
  ProgressWatch.current?.pass(solver, error: error?.isFinite == true ? error : nil)
}
