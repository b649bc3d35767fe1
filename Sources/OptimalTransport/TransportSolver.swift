// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// What solves linear problems of transport.
public protocol TransportSolver: Sendable {
  /// Solves one problem.
  func solve(_ problem: LinearProblem) throws(TransportError) -> TransportSolution

  /// The same solver for one of many problems that are solved at once, in one thread each.
  var single: Self { get }
}

extension TransportSolver {
  /// Itself: a solver that uses no threads.
  public var single: Self { self }

  /// Solves many problems, each in one thread: small ones cost no more than their arithmetic.
  ///
  /// - Returns: the solutions, in the order of the problems.
  /// - Throws: what the first of the problems that fail throws, with its number; `.cancelled`.
  public func solve(
    all problems: [LinearProblem], threads: Threads = .cores
  ) throws(TransportError) -> [TransportSolution] {
    typealias Answer = Result<TransportSolution, TransportError>
    let answers = ResultSlots<Answer>(problems.count)
    let solver = single
    // A cancelled task is seen by the thread that asked, between runs of some problems.
    let run = max(1, threads.count) * 64
    for start in stride(from: 0, to: problems.count, by: run) {
      try checkCancelled("batch")
      let end = min(start + run, problems.count)
      // Several at a time: a small problem takes about as long as sharing it out.
      let parts = (end - start + 7) / 8
      threads.forEach(parts) { part in
        for k in start + part * 8..<min(start + (part + 1) * 8, end) {
          answers[k] = Answer { () throws(TransportError) in try solver.solve(problems[k]) }
        }
      }
    }
    var solutions: [TransportSolution] = []
    solutions.reserveCapacity(problems.count)
    for k in problems.indices {
      switch answers[k]! {
      case .success(let solution): solutions.append(solution)
      case .failure(let error):
        throw TransportError(
          error.code, error.what, at: "problem \(k), \(error.place)", remedy: error.remedy,
          best: error.best)
      }
    }
    return solutions
  }
}

extension Assignment: TransportSolver {}
extension NetworkSimplex: TransportSolver {}

extension Sinkhorn: TransportSolver {
  /// The same in one thread.
  public var single: Sinkhorn {
    var solver = self
    solver.threads = .one
    return solver
  }
}

extension SinkhornNewton: TransportSolver {
  /// The same in one thread.
  public var single: SinkhornNewton {
    var solver = self
    solver.threads = .one
    return solver
  }
}
