// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Synchronization
import Testing

/// Every solver tells how far it is, and stops where its task is cancelled.
@Suite("Progress and cancellation")
struct TransportProgressTests {
  /// Enough that solvers which go by steps take several.
  private static let input: DegenerateInput = {
    var random = SplitMix64(Seed(4))
    func coordinates() -> [Double] {
      (0..<40).map { _ in Double.random(in: 0...1, using: &random) }
    }
    return DegenerateInput(
      x: coordinates(), y: coordinates(), a: nil, b: nil, strength: 0.1, tolerance: 1e-2)
  }()

  /// What a run told, and how it ended.
  private struct Run: Sendable {
    var told: [TransportProgress] = []
    var code: TransportError.Code?
    var isOver = false
  }

  /// Runs a solver in a task that is cancelled once so many steps were told of; 0 is before it begins,
  /// nil never.
  private func run(_ solver: TableSolver, cancelledAt last: Int?) async -> Run {
    await withTaskGroup(of: Run.self) { group in
      if last == 0 { group.cancelAll() }
      group.addTask {
        let seen = Mutex(Run())
        do {
          _ = try TransportProgress.watched { step in
            let count = seen.withLock { run in
              run.told.append(step)
              return run.told.count
            }
            if count == last { unsafe withUnsafeCurrentTask { unsafe $0!.cancel() } }
          } _: {
            try solver.cost(Self.input)
          }
          seen.withLock { $0.isOver = true }
        } catch {
          seen.withLock { $0.code = (error as? TransportError)?.code }
        }
        return seen.withLock { $0 }
      }
      return await group.next()!
    }
  }

  @Test("each tells of its steps, one after the other", arguments: solverTable)
  func told(solver: TableSolver) async {
    let whole = await run(solver, cancelledAt: nil)
    #expect(whole.isOver && !whole.told.isEmpty)
    let bySolver = Dictionary(grouping: whole.told, by: \.solver)
    for (name, steps) in bySolver {
      #expect(steps.map(\.step) == Array(1...steps.count), "\(name)")
      #expect(!name.isEmpty && steps.allSatisfy { $0.error?.isFinite != false }, "\(name)")
    }
    let again = await run(solver, cancelledAt: nil)
    #expect(again.told == whole.told)
  }

  @Test("none begins in a task that was cancelled", arguments: solverTable)
  func cancelledBefore(solver: TableSolver) async {
    let none = await run(solver, cancelledAt: 0)
    #expect(none.told.isEmpty && none.code == .cancelled)
  }

  @Test("each stops at the step after the one at which it is cancelled", arguments: solverTable)
  func cancelledBetween(solver: TableSolver) async {
    let count = await run(solver, cancelledAt: nil).told.count
    for last in Set([1, count / 2, count - 1]) where last > 0 && last < count {
      let part = await run(solver, cancelledAt: last)
      #expect(part.code == .cancelled && part.told.count == last, "at \(last) of \(count)")
    }
  }

  @Test(
    "those that solve with other solvers tell of their own steps, too",
    arguments: [
      ("greenkhorn", "greenkhorn"), ("weak", "weak transport"),
      ("gromov-wasserstein", "gromov-wasserstein"),
      ("entropic gromov-wasserstein", "entropic gromov-wasserstein"),
      ("co-optimal", "co-optimal transport"), ("free-support barycenter", "barycenter"),
      ("wasserstein k-means", "wasserstein k-means"), ("semantic partial", "semantic partial"),
      ("constrained k-means", "constrained k-means"), ("even codewords", "codebook training"),
      ("group lasso", "group-lasso transport"), ("sinkhorn divergence", "sinkhorn divergence"),
      ("selection by count", "selection"), ("entropic map", "entropic map"),
      ("barycentric map", "barycentric map"),
    ])
  func own(name: String, told: String) async throws {
    let solver = try #require(solverTable.first { $0.testDescription == name })
    let run = await run(solver, cancelledAt: nil)
    #expect(run.told.contains { $0.solver == told })
  }

  @Test("what is left is told by those that know, and ends where they stop")
  func errors() async throws {
    for (name, goal) in [("smooth", 1e-8), ("sinkhorn-newton", 1e-6)] {
      let solver = try #require(solverTable.first { $0.testDescription == name })
      let errors = await run(solver, cancelledAt: nil).told.compactMap(\.error)
      #expect(errors.count > 1)
      #expect(try #require(errors.last) < #require(errors.first))
      #expect(try #require(errors.first) > goal)
    }
  }

  @Test("nobody is told of what runs outside of it")
  func outside() throws {
    let count = Mutex(0)
    let observer: @Sendable (TransportProgress) -> Void = { _ in count.withLock { $0 += 1 } }
    TransportProgress.watched(by: observer) {}
    _ = try OneDimensional().cost([0], [1])
    #expect(count.withLock { $0 } == 0)
  }
}
