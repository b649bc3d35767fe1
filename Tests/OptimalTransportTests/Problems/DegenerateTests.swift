// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

/// Every solver on every degenerate input: the right answer, or one clear error.
@Suite("Degenerate inputs")
struct DegenerateTests {
  private static let some = DegenerateInput(
    x: [0, 0.1, 0.9, 0.2, 0.3, 0.8, 0.4, 0.4], y: [0.5, 0.5, 1, 0.1, 0.2, 0.7, 0.6, 0.9],
    a: nil, b: nil)

  private func code(_ body: () throws -> Double) -> TransportError.Code? {
    do {
      let value = try body()
      Issue.record("it gave \(value)")
      return nil
    } catch let error as TransportError {
      return error.code
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  @Test("one point on each side", arguments: solverTable)
  func single(solver: TableSolver) throws {
    let cost = try solver.cost(DegenerateInput(x: [0.1, 0.2], y: [0.5, 0.5], a: nil, b: nil))
    #expect(cost >= 0 && cost.isFinite)
    if solver.kind == .linear { #expect(abs(cost - 0.25) < 1e-9) }
  }

  @Test("all points are one: nothing costs anything", arguments: solverTable)
  func duplicates(solver: TableSolver) throws {
    let same = (0..<6).flatMap { _ in [0.3, 0.7] }
    #expect(abs(try solver.cost(DegenerateInput(x: same, y: same, a: nil, b: nil))) < 1e-9)
  }

  @Test("points without mass change nothing", arguments: solverTable.filter(\.takesMasses))
  func zeros(solver: TableSolver) throws {
    var input = Self.some
    input.a = [0.25, 0, 0.5, 0.25]
    input.b = [0, 0.5, 0.5, 0]
    var part = input
    part.x = [0, 0.1, 0.3, 0.8, 0.4, 0.4]
    part.a = [0.25, 0.5, 0.25]
    part.y = [1, 0.1, 0.2, 0.7]
    part.b = [0.5, 0.5]
    // ε follows the mean cost of all points, also of those without mass.
    part.strength = try input.epsilon() / part.epsilon() * part.strength
    let whole = try solver.cost(input)
    #expect(abs(whole - (try solver.cost(part))) < 1e-6)
  }

  @Test(
    "unequal masses are refused, or all that is asked for",
    arguments: solverTable.filter(\.takesMasses)
  )
  func unequal(solver: TableSolver) throws {
    var input = Self.some
    input.a = [1, 1, 1, 1]
    input.b = [1, 1, 1, 2]
    if solver.isPartial {
      #expect(try solver.cost(input) >= 0)
    } else {
      #expect(code { try solver.cost(input) } == .unequalMass)
    }
  }

  @Test(
    "a mass that is no number, below 0, or none at all",
    arguments: solverTable.filter(\.takesMasses))
  func masses(solver: TableSolver) {
    for masses in [[.nan, 1, 1, 1], [-1.0, 1, 1, 1], [0, 0, 0, 0], [.infinity, 1, 1, 1]] {
      var input = Self.some
      input.a = masses
      #expect(code { try solver.cost(input) } == .badMass)
    }
    var input = Self.some
    input.b = [1, 2]
    #expect(code { try solver.cost(input) } == .shapeMismatch)
  }

  @Test("a coordinate that is no number, or infinite", arguments: solverTable)
  func coordinates(solver: TableSolver) {
    for bad in [Double.nan, .infinity] {
      var input = Self.some
      input.x[2] = bad
      #expect(code { try solver.cost(input) } == .badPoint)
    }
  }

  @Test("no entropy where there must be some", arguments: solverTable.filter(\.isEntropic))
  func noEntropy(solver: TableSolver) {
    for strength in [0, -1, Double.nan] {
      var input = Self.some
      input.strength = strength
      #expect(code { try solver.cost(input) } == .badSetting)
    }
  }

  @Test(
    "huge and tiny coordinates: the answer in another unit, or an error that says so",
    arguments: solverTable, [1e-120, 1e-60, 1e60, 1e120, 1e160, 1e300])
  func scales(solver: TableSolver, scale: Double) throws {
    var input = Self.some
    let plain = try solver.cost(input)
    input.x = input.x.map { $0 * scale }
    input.y = input.y.map { $0 * scale }
    do {
      let scaled = try solver.cost(input)
      #expect(abs(scaled / scale / scale - plain) <= 1e-6 * max(abs(plain), 1e-3))
    } catch let error as TransportError {
      #expect([.badCost, .badPoint, .badSetting].contains(error.code))
      #expect(scale > 1e60, "\(error)")
    }
  }
}
