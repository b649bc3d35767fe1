// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CFerry
import FerryBasics
import FerryOptimalTransport

// Optimal transport, for C: translates, never decides.

/// What a solver of any kind found, in the words of the header.
struct FoundCoupling: Sendable {
  var coupling: Coupling
  /// Nil where the kind of problem has none.
  var potentials: (rows: [Double], columns: [Double])?
  var cost: Double
  var primal: Double
  var dual: Double
  var errors: (rows: Double, columns: Double)
  var mass: Double
  /// In the unit of cost; 0 without entropy.
  var epsilon = 0.0
  var iterations: Int
  var isConverged = true
  /// Between what points it moves; nil where it was given costs.
  var cloud: PointCloud?
  /// The solution as its solver gave it, of linear problems alone.
  var solution: TransportSolution?

  init(_ solution: TransportSolution, _ geometry: (any CostGeometry)? = nil) {
    coupling = solution.coupling
    potentials = (solution.rowPotentials, solution.columnPotentials)
    cost = solution.transportCost
    primal = solution.certificate.primal
    dual = solution.certificate.dual
    errors = (solution.certificate.rowError, solution.certificate.columnError)
    mass = solution.certificate.mass
    if case .implicit(let entropic) = solution.coupling { epsilon = entropic.epsilon }
    iterations = solution.iterations
    isConverged = solution.isConverged
    cloud = geometry as? PointCloud
    self.solution = solution
  }

  init(
    _ coupling: Coupling, cost: Double, _ certificate: Certificate, iterations: Int
  ) {
    self.coupling = coupling
    self.cost = cost
    primal = certificate.primal
    dual = certificate.dual
    errors = (certificate.rowError, certificate.columnError)
    mass = certificate.mass
    self.iterations = iterations
  }

  /// One that is proven by no certificate: its marginal errors are measured here.
  init(
    _ coupling: Coupling, cost: Double, dual: Double, masses: (rows: [Double], columns: [Double]),
    isPartial: Bool, iterations: Int
  ) throws(TransportError) {
    func missed(_ sums: [Double], _ masses: [Double]) -> Double {
      zip(sums, masses).reduce(0) {
        let over = $1.0 - $1.1
        return $0 + (isPartial ? max(0, over) : abs(over))
      }
    }
    let ones = (
      rows: [Double](repeating: 1, count: coupling.rowCount),
      columns: [Double](repeating: 1, count: coupling.columnCount)
    )
    let rows = try coupling.applied(to: ones.columns)
    let columns = try coupling.transposeApplied(to: ones.rows)
    self.coupling = coupling
    self.cost = cost
    primal = cost
    self.dual = dual
    errors = (missed(rows, masses.rows), missed(columns, masses.columns))
    mass = rows.reduce(0, +)
    self.iterations = iterations
  }
}

/// What a `ferry_ot_solution *` points to.
final class SolutionDoor: Sendable {
  let found: FoundCoupling

  init(_ found: FoundCoupling) { self.found = found }

  var pointer: OpaquePointer {
    // SAFETY: the reference is taken back by `ferry_ot_free`, once.
    unsafe OpaquePointer(Unmanaged.passRetained(self).toOpaque())
  }

  static func behind(_ pointer: OpaquePointer?) throws(DoorError) -> FoundCoupling {
    guard let pointer = unsafe pointer else { throw DoorError("the solution is NULL") }
    // SAFETY: the header demands a pointer from a solver of this library, not freed yet.
    return unsafe Unmanaged<SolutionDoor>.fromOpaque(UnsafeRawPointer(pointer))
      .takeUnretainedValue().found
  }

  /// Puts what `body` finds behind the caller's pointer; after an error with a state that was reached,
  /// that state, and NULL after any other.
  static func put(
    at place: UnsafeMutablePointer<OpaquePointer?>?, _ body: () throws -> FoundCoupling
  ) throws {
    guard let place = unsafe place else { throw DoorError("the solution's place is NULL") }
    // SAFETY: the place is the caller's and not NULL.
    unsafe place.pointee = nil
    do {
      unsafe place.pointee = SolutionDoor(try body()).pointer
    } catch let error as TransportError {
      if let best = error.best { unsafe place.pointee = SolutionDoor(FoundCoupling(best)).pointer }
      throw error
    }
  }
}

/// Numbers of C, copied: what the caller does with its memory later is its own.
func numbers(
  _ pointer: UnsafePointer<Double>?, _ count: Int, _ name: String
) throws(DoorError) -> [Double] {
  guard let pointer = unsafe pointer else { throw DoorError("\(name) is NULL") }
  // SAFETY: the header demands `count` numbers there.
  return unsafe Array(UnsafeBufferPointer(start: pointer, count: count))
}

func put(
  _ values: [Double], _ place: UnsafeMutablePointer<Double>?, _ name: String
) throws(DoorError) {
  guard let place = unsafe place else { throw DoorError("\(name) is NULL") }
  // SAFETY: the header demands room for as many.
  unsafe place.update(from: values, count: values.count)
}

func product(_ rows: Int, _ columns: Int, _ name: String) throws(DoorError) -> Int {
  let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
  guard !overflow, count <= Int.max / MemoryLayout<Double>.size else {
    throw DoorError("\(name): \(rows) × \(columns) numbers are more than memory has")
  }
  return count
}

/// The same where the caller may give NULL.
func optionalNumbers(
  _ pointer: UnsafePointer<Double>?, _ count: Int, _ name: String
) throws(DoorError) -> [Double]? {
  let isThere = unsafe pointer != nil
  return isThere ? try unsafe numbers(pointer, count, name) : nil
}

/// A problem with its memory copied.
struct ProblemDoor {
  let geometry: any CostGeometry
  let rowMasses: [Double]?
  let columnMasses: [Double]?
  let penalties: (rows: MarginalPenalty, columns: MarginalPenalty)

  init(_ pointer: UnsafePointer<ferry_ot_problem>?) throws {
    guard let pointer = unsafe pointer else { throw DoorError("the problem is NULL") }
    // SAFETY: the header demands a problem of `size` bytes; no more than those are read.
    let size = unsafe pointer.pointee.size
    guard unsafe size >= MemoryLayout<ferry_ot_problem>.size else {
      throw DoorError("problem.size is \(size); set it to sizeof(struct ferry_ot_problem)")
    }
    let given = unsafe pointer.pointee
    let rows = unsafe given.rows
    let columns = unsafe given.columns
    guard rows > 0, columns > 0 else {
      throw DoorError("\(rows) rows and \(columns) columns; there must be at least 1 of each")
    }
    if unsafe given.costs != nil {
      geometry = try DenseCost(
        unsafe numbers(given.costs, product(rows, columns, "problem.costs"), "problem.costs"),
        rows: rows, columns: columns)
    } else {
      let dimensions = unsafe given.dimensions
      guard dimensions > 0 else {
        throw DoorError("there are neither problem.costs nor points: problem.dimensions is 0")
      }
      let costs: [PointCost] = [.squaredEuclidean, .euclidean, .manhattan, .cosine]
      guard costs.indices.contains(Int(unsafe given.cost)) else {
        throw DoorError("problem.cost is \(unsafe given.cost)")
      }
      func points(_ pointer: UnsafePointer<Double>?, _ count: Int, _ name: String) throws -> Points
      {
        try Points(
          unsafe numbers(pointer, product(count, dimensions, name), name), dimensions: dimensions)
      }
      geometry = try PointCloud(
        unsafe points(given.row_points, rows, "problem.row_points"),
        unsafe points(given.column_points, columns, "problem.column_points"),
        cost: costs[Int(unsafe given.cost)])
    }
    rowMasses = try unsafe optionalNumbers(given.row_masses, rows, "problem.row_masses")
    columnMasses = try unsafe optionalNumbers(
      given.column_masses, columns, "problem.column_masses")
    penalties = (
      try Self.penalty(unsafe given.row_penalty, unsafe given.row_strength, "row"),
      try Self.penalty(unsafe given.column_penalty, unsafe given.column_strength, "column")
    )
  }

  private static func penalty(
    _ number: UInt32, _ strength: Double, _ side: String
  ) throws(DoorError) -> MarginalPenalty {
    let all: [MarginalPenalty] = [
      .exact, .kullbackLeibler(strength), .totalVariation(strength), .squares(strength),
    ]
    guard all.indices.contains(Int(number)) else {
      throw DoorError("problem.\(side)_penalty is \(number)")
    }
    return all[Int(number)]
  }

  var isBalanced: Bool { penalties.rows == .exact && penalties.columns == .exact }

  var cloud: PointCloud {
    get throws(DoorError) {
      guard let cloud = geometry as? PointCloud else {
        throw DoorError("this is between points; problem.costs must be NULL")
      }
      return cloud
    }
  }
}

/// Options as the solvers take them; what is 0 stays the solver's own.
struct Choice {
  let method: ferry_ot_method
  private let given: ferry_ot_options

  init(_ pointer: UnsafePointer<ferry_ot_options>?) throws(DoorError) {
    guard let pointer = unsafe pointer else {
      given = ferry_ot_options()
      method = FERRY_OT_EXACT
      return
    }
    // SAFETY: the header demands options of `size` bytes; no more than those are read.
    let size = unsafe pointer.pointee.size
    guard size >= MemoryLayout<ferry_ot_options>.size else {
      throw DoorError("options.size is \(size); set it to sizeof(struct ferry_ot_options)")
    }
    given = unsafe pointer.pointee
    method = ferry_ot_method(rawValue: given.method)
    guard given.method <= FERRY_OT_NEWTON.rawValue else {
      throw DoorError(
        "options.method is \(given.method); FERRY_OT_EXACT is 0, FERRY_OT_NEWTON the last with "
          + "\(FERRY_OT_NEWTON.rawValue)")
    }
  }

  /// ε itself, of solvers that know no share of the mean cost.
  var epsilon: Double {
    get throws(DoorError) {
      guard !given.is_share else {
        throw DoorError("options.is_share: this takes epsilon in the unit of cost")
      }
      return given.epsilon
    }
  }
  var tolerance: Double? { given.tolerance == 0 ? nil : given.tolerance }

  private var strength: Sinkhorn.Strength {
    given.is_share ? .shareOfMeanCost(given.epsilon) : .epsilon(given.epsilon)
  }
  var threads: Threads { given.threads == 0 ? .cores : Threads(Int(given.threads)) }
  var iterationsMax: Int? {
    given.iterations_max == 0 ? nil : Int(clamping: given.iterations_max)
  }

  /// The simplex of exact solutions, which have no tolerance.
  var exactSimplex: NetworkSimplex {
    get throws(DoorError) {
      guard given.tolerance == 0 else {
        throw DoorError("options.tolerance is \(given.tolerance); an exact solution takes none: 0")
      }
      return NetworkSimplex(pivotsMax: iterationsMax)
    }
  }

  /// Puts what C gives in the place of a solver's own limits.
  func limit(_ tolerance: inout Double, _ iterationsMax: inout Int) {
    if let given = self.tolerance { tolerance = given }
    if let given = self.iterationsMax { iterationsMax = given }
  }

  var sinkhorn: Sinkhorn {
    var solver = Sinkhorn(strength, threads: threads)
    limit(&solver.tolerance, &solver.iterationsMax)
    return solver
  }

  /// For problems that solve linear ones on the way, whose limits are not theirs.
  var inner: Sinkhorn {
    var solver = Sinkhorn(strength, threads: threads)
    if let tolerance { solver.tolerance = min(solver.tolerance, tolerance) }
    return solver
  }

  func solve(_ task: ProblemDoor) throws -> TransportSolution {
    guard task.isBalanced || method == FERRY_OT_SINKHORN else {
      throw DoorError("penalties are of FERRY_OT_SINKHORN alone")
    }
    switch method {
    case FERRY_OT_SINKHORN where !task.isBalanced:
      return try sinkhorn.solve(
        UnbalancedProblem(
          task.geometry, rowMasses: task.rowMasses, columnMasses: task.columnMasses,
          rowPenalty: task.penalties.rows, columnPenalty: task.penalties.columns))
    case FERRY_OT_SINKHORN: return try sinkhorn.solve(problem(task))
    case FERRY_OT_NEWTON:
      var solver = SinkhornNewton(strength, threads: threads)
      limit(&solver.tolerance, &solver.stepsMax)
      return try solver.solve(problem(task))
    default:
      return try ExactTransport(simplex: exactSimplex).solve(problem(task))
    }
  }

  private func problem(_ task: ProblemDoor) throws(TransportError) -> LinearProblem {
    try LinearProblem(
      task.geometry, rowMasses: task.rowMasses, columnMasses: task.columnMasses)
  }
}

@c @implementation
public func ferry_ot_solve(
  _ problem: UnsafePointer<ferry_ot_problem>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ solution: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    try unsafe SolutionDoor.put(at: solution) {
      let task = try unsafe ProblemDoor(problem)
      return FoundCoupling(try unsafe Choice(options).solve(task), task.geometry)
    }
  }
}

@c @implementation
public func ferry_ot_certificate(
  _ solution: OpaquePointer!, _ certificate: UnsafeMutablePointer<ferry_ot_certificate>!
) -> ferry_status {
  call {
    let found = try unsafe SolutionDoor.behind(solution)
    guard let place = unsafe certificate else { throw DoorError("the certificate's place is NULL") }
    var entries = 0
    if case .sparse(let coupling) = found.coupling { entries = coupling.masses.count }
    // SAFETY: the place is the caller's and not NULL.
    unsafe place.pointee = ferry_ot_certificate(
      cost: found.cost, primal: found.primal, dual: found.dual,
      row_error: found.errors.rows, column_error: found.errors.columns, mass: found.mass,
      epsilon: found.epsilon, iterations: UInt64(found.iterations), entries: entries,
      is_converged: found.isConverged)
  }
}

@c @implementation
public func ferry_ot_coupling(
  _ solution: OpaquePointer!, _ masses: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    let coupling = try unsafe SolutionDoor.behind(solution).coupling
    try unsafe put(coupling.dense().masses, masses, "the coupling's place")
  }
}

@c @implementation
public func ferry_ot_entries(
  _ solution: OpaquePointer!, _ rows: UnsafeMutablePointer<Int>!,
  _ columns: UnsafeMutablePointer<Int>!, _ masses: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    guard case .sparse(let coupling) = try unsafe SolutionDoor.behind(solution).coupling else {
      throw DoorError("the coupling is not held sparsely; ask for ferry_ot_coupling")
    }
    guard let rows = unsafe rows, let columns = unsafe columns else {
      throw DoorError("the entries' place is NULL")
    }
    // SAFETY: the header demands room for the certificate's `entries`.
    unsafe rows.update(from: coupling.rows, count: coupling.rows.count)
    unsafe columns.update(from: coupling.columns, count: coupling.columns.count)
    try unsafe put(coupling.masses, masses, "the entries' place")
  }
}

@c @implementation
public func ferry_ot_potentials(
  _ solution: OpaquePointer!, _ rows: UnsafeMutablePointer<Double>!,
  _ columns: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    guard let found = try unsafe SolutionDoor.behind(solution).potentials else {
      throw DoorError("this kind of problem has no potentials")
    }
    if unsafe rows != nil { try unsafe put(found.rows, rows, "rows") }
    if unsafe columns != nil { try unsafe put(found.columns, columns, "columns") }
  }
}

@c @implementation
public func ferry_ot_apply(
  _ solution: OpaquePointer!, _ transposed: Bool, _ x: UnsafePointer<Double>!,
  _ result: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    let coupling = try unsafe SolutionDoor.behind(solution).coupling
    let count = transposed ? coupling.rowCount : coupling.columnCount
    let vector = try unsafe numbers(x, count, "x")
    let image =
      transposed ? try coupling.transposeApplied(to: vector) : try coupling.applied(to: vector)
    try unsafe put(image, result, "the result's place")
  }
}

@c @implementation
public func ferry_ot_free(_ solution: OpaquePointer!) {
  guard let solution = unsafe solution else { return }
  // SAFETY: gives back the reference that `SolutionDoor.pointer` took; the header forbids a second
  // call.
  unsafe Unmanaged<SolutionDoor>.fromOpaque(UnsafeRawPointer(solution)).release()
}

@c @implementation
public func ferry_ot_divergence(
  _ problem: UnsafePointer<ferry_ot_problem>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ value: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    let task = try unsafe ProblemDoor(problem)
    let found = try SinkhornDivergence(unsafe Choice(options).sinkhorn)(
      task.cloud, rowMasses: task.rowMasses, columnMasses: task.columnMasses)
    try unsafe put([found.divergence], value, "the value's place")
  }
}

@c @implementation
public func ferry_ot_line(
  _ x: UnsafePointer<Double>!, _ rows: Int, _ y: UnsafePointer<Double>!, _ columns: Int,
  _ rowMasses: UnsafePointer<Double>!, _ columnMasses: UnsafePointer<Double>!, _ power: Double,
  _ cost: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    guard rows > 0, columns > 0 else {
      throw DoorError("\(rows) rows and \(columns) columns; there must be at least 1 of each")
    }
    let a = try unsafe optionalNumbers(rowMasses, rows, "row_masses")
    let b = try unsafe optionalNumbers(columnMasses, columns, "column_masses")
    let found = try OneDimensional(power: power).solve(
      unsafe numbers(x, rows, "x"), unsafe numbers(y, columns, "y"), rowMasses: a, columnMasses: b)
    try unsafe put([found.transportCost], cost, "the cost's place")
  }
}

@c @implementation
public func ferry_ot_sliced(
  _ problem: UnsafePointer<ferry_ot_problem>!, _ directions: Int, _ power: Double, _ seed: UInt64,
  _ cost: UnsafeMutablePointer<Double>!, _ standardError: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    let task = try unsafe ProblemDoor(problem)
    let cloud = try task.cloud
    let found = try Sliced(directions: directions, power: power, seed: Seed(seed))(
      cloud.sources, cloud.targets, rowMasses: task.rowMasses, columnMasses: task.columnMasses)
    try unsafe put([found.cost], cost, "the cost's place")
    if unsafe standardError != nil {
      try unsafe put([found.standardError], standardError, "the error's place")
    }
  }
}
