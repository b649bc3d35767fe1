// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CFerry
import FerryBasics
import FerryOptimalTransport

// More problems of optimal transport, for C: translates, never decides.

private func requireEach(_ counts: (String, Int)...) throws(DoorError) {
  for (name, count) in counts where count < 1 { throw DoorError("\(name) is \(count)") }
}

/// Equal masses of 1 in all, where C gives none.
private func even(_ masses: [Double]?, _ count: Int) -> [Double] {
  masses ?? Array(repeating: 1 / Double(count), count: count)
}

/// A problem without penalties, and what is asked of it.
private func balanced(
  _ problem: UnsafePointer<ferry_ot_problem>?, _ options: UnsafePointer<ferry_ot_options>?
) throws -> (ProblemDoor, Choice) {
  let task = try unsafe ProblemDoor(problem)
  guard task.isBalanced else { throw DoorError("penalties are of FERRY_OT_SINKHORN alone") }
  return (task, try unsafe Choice(options))
}

private func onlySinkhornOrExact(_ choice: Choice, _ name: String) throws(DoorError) {
  guard choice.method == FERRY_OT_EXACT || choice.method == FERRY_OT_SINKHORN else {
    throw DoorError("\(name) has FERRY_OT_EXACT and FERRY_OT_SINKHORN alone")
  }
}

@c @implementation
public func ferry_ot_partial(
  _ problem: UnsafePointer<ferry_ot_problem>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ mass: Double, _ solution: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    try unsafe SolutionDoor.put(at: solution) {
      let (task, choice) = try unsafe balanced(problem, options)
      try onlySinkhornOrExact(choice, "a partial problem")
      let a = even(task.rowMasses, task.geometry.rowCount)
      let b = even(task.columnMasses, task.geometry.columnCount)
      var found: FoundCoupling
      if choice.method == FERRY_OT_SINKHORN {
        var solver = EntropicPartial(mass: mass, epsilon: try choice.epsilon)
        choice.limit(&solver.tolerance, &solver.iterationsMax)
        let answer = try solver.solve(task.geometry, rowMasses: a, columnMasses: b)
        found = FoundCoupling(
          .dense(answer.coupling), cost: answer.transportCost, answer.certificate,
          iterations: answer.iterations)
        found.epsilon = solver.epsilon
        found.potentials = (answer.rowPotentials, answer.columnPotentials)
      } else {
        let answer = try PartialTransport(
          mass: mass, solver: try choice.exactSimplex
        ).solve(task.geometry, rowMasses: a, columnMasses: b)
        found = FoundCoupling(
          .sparse(answer.coupling), cost: answer.transportCost, answer.certificate,
          iterations: answer.iterations)
        found.potentials = (answer.rowPotentials, answer.columnPotentials)
        // The certificate's is that of the dummy problem.
        found.mass = answer.coupling.masses.reduce(0, +)
      }
      found.cloud = task.geometry as? PointCloud
      return found
    }
  }
}

@c @implementation
public func ferry_ot_smooth(
  _ problem: UnsafePointer<ferry_ot_problem>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ entriesMax: Int, _ solution: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    try unsafe SolutionDoor.put(at: solution) {
      let (task, choice) = try unsafe balanced(problem, options)
      let gamma = try choice.epsilon
      var solver = SmoothTransport(
        entriesMax > 0 ? .sparse(gamma, entriesMax: entriesMax) : .squares(gamma),
        threads: choice.threads)
      choice.limit(&solver.tolerance, &solver.iterationsMax)
      let answer = try solver.solve(
        LinearProblem(
          task.geometry, rowMasses: task.rowMasses, columnMasses: task.columnMasses))
      return FoundCoupling(answer.solution, task.geometry)
    }
  }
}

@c @implementation
public func ferry_ot_gromov(
  _ problem: UnsafePointer<ferry_ot_quadratic>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ solution: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    try unsafe SolutionDoor.put(at: solution) {
      guard let pointer = unsafe problem else { throw DoorError("the problem is NULL") }
      // SAFETY: the header demands a problem of `size` bytes; no more than those are read.
      let size = unsafe pointer.pointee.size
      guard unsafe size >= MemoryLayout<ferry_ot_quadratic>.size else {
        throw DoorError("problem.size is \(size); set it to sizeof(struct ferry_ot_quadratic)")
      }
      let given = unsafe pointer.pointee
      let (n, m) = unsafe (given.rows, given.columns)
      try requireEach(("problem.rows", n), ("problem.columns", m))
      let choice = try unsafe Choice(options)
      try onlySinkhornOrExact(choice, "a quadratic problem")
      func table(_ pointer: UnsafePointer<Double>?, _ rows: Int, _ columns: Int, _ name: String)
        throws -> [Double]
      { try unsafe numbers(pointer, product(rows, columns, name), name) }
      let hasCosts = unsafe given.costs != nil
      let task = try QuadraticProblem(
        rowDistances: unsafe table(given.row_distances, n, n, "problem.row_distances"),
        columnDistances: unsafe table(given.column_distances, m, m, "problem.column_distances"),
        costs: hasCosts ? unsafe table(given.costs, n, m, "problem.costs") : nil,
        alpha: hasCosts ? unsafe given.alpha : 1,
        rowMasses: unsafe optionalNumbers(given.row_masses, n, "problem.row_masses"),
        columnMasses: unsafe optionalNumbers(given.column_masses, m, "problem.column_masses"))
      let mass = unsafe given.mass
      let masses = (rows: task.rowMasses, columns: task.columnMasses)
      guard choice.method == FERRY_OT_SINKHORN else {
        var solver = GromovWasserstein(mass: mass == 0 ? nil : mass)
        choice.limit(&solver.tolerance, &solver.iterationsMax)
        let answer = try solver.solve(task)
        return try FoundCoupling(
          .dense(answer.coupling), cost: answer.cost, dual: answer.cost - answer.gap,
          masses: masses, isPartial: mass != 0, iterations: answer.iterations)
      }
      guard mass == 0 else { throw DoorError("problem.mass is of FERRY_OT_EXACT alone") }
      // The options' tolerance and limit are of the outer problem.
      let epsilon = try choice.epsilon
      var solver = EntropicGromov(choice.inner)
      choice.limit(&solver.tolerance, &solver.iterationsMax)
      let answer = try solver.solve(task)
      var found = try FoundCoupling(
        .dense(answer.coupling), cost: answer.cost, dual: .nan, masses: masses, isPartial: false,
        iterations: answer.iterations)
      found.epsilon = epsilon
      return found
    }
  }
}

/// Whole numbers of C, one for each row.
private func labels(
  _ pointer: UnsafePointer<Int64>?, _ count: Int, _ name: String
) throws(DoorError) -> [Int] {
  guard let pointer = unsafe pointer else { throw DoorError("\(name) is NULL") }
  // SAFETY: the header demands `count` numbers there.
  return unsafe UnsafeBufferPointer(start: pointer, count: count).map { Int(clamping: $0) }
}

@c @implementation
public func ferry_ot_weak(
  _ problem: UnsafePointer<ferry_ot_problem>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ solution: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    try unsafe SolutionDoor.put(at: solution) {
      let (task, choice) = try unsafe balanced(problem, options)
      let cloud = try task.cloud
      guard case .squaredEuclidean = cloud.cost, choice.method == FERRY_OT_EXACT else {
        throw DoorError(
          "a weak problem has FERRY_OT_SQUARED_EUCLIDEAN and FERRY_OT_EXACT alone")
      }
      var solver = WeakTransport()
      choice.limit(&solver.tolerance, &solver.iterationsMax)
      let answer = try solver.solve(
        cloud.sources, cloud.targets, rowMasses: task.rowMasses, columnMasses: task.columnMasses)
      var found = FoundCoupling(
        .dense(answer.coupling), cost: answer.certificate.primal, answer.certificate,
        iterations: answer.iterations)
      found.cloud = cloud
      return found
    }
  }
}

@c @implementation
public func ferry_ot_group_lasso(
  _ problem: UnsafePointer<ferry_ot_problem>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ groups: UnsafePointer<Int64>!, _ strength: Double,
  _ solution: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    try unsafe SolutionDoor.put(at: solution) {
      let (task, choice) = try unsafe balanced(problem, options)
      // The options' tolerance and limit are of the outer problem.
      var solver = GroupLassoTransport(choice.inner, groupStrength: strength)
      choice.limit(&solver.tolerance, &solver.stepsMax)
      let answer = try solver.solve(
        LinearProblem(
          task.geometry, rowMasses: task.rowMasses, columnMasses: task.columnMasses),
        groups: unsafe labels(groups, task.geometry.rowCount, "groups"))
      return FoundCoupling(answer.solution, task.geometry)
    }
  }
}

@c @implementation
public func ferry_ot_class_roots(
  _ problem: UnsafePointer<ferry_ot_problem>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ classes: UnsafePointer<Int64>!, _ strength: Double, _ linearizations: Int,
  _ solution: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    try unsafe SolutionDoor.put(at: solution) {
      let (task, choice) = try unsafe balanced(problem, options)
      let answer = try DomainAdaptation(
        choice.sinkhorn, classStrength: strength, linearizations: linearizations
      ).solve(
        LinearProblem(
          task.geometry, rowMasses: task.rowMasses, columnMasses: task.columnMasses),
        labels: unsafe labels(classes, task.geometry.rowCount, "classes"))
      var found = FoundCoupling(answer.solution, task.geometry)
      found.cost = answer.transportCost
      // Points go by the coupling, whose costs are not those between points alone.
      found.solution = nil
      return found
    }
  }
}

@c @implementation
public func ferry_ot_line_solve(
  _ x: UnsafePointer<Double>!, _ rows: Int, _ y: UnsafePointer<Double>!, _ columns: Int,
  _ rowMasses: UnsafePointer<Double>!, _ columnMasses: UnsafePointer<Double>!, _ power: Double,
  _ solution: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    try unsafe SolutionDoor.put(at: solution) {
      try requireEach(("rows", rows), ("columns", columns))
      return FoundCoupling(
        try OneDimensional(power: power).solve(
          unsafe numbers(x, rows, "x"), unsafe numbers(y, columns, "y"),
          rowMasses: unsafe optionalNumbers(rowMasses, rows, "row_masses"),
          columnMasses: unsafe optionalNumbers(columnMasses, columns, "column_masses")))
    }
  }
}

@c @implementation
public func ferry_ot_circle(
  _ x: UnsafePointer<Double>!, _ rows: Int, _ y: UnsafePointer<Double>!, _ columns: Int,
  _ rowMasses: UnsafePointer<Double>!, _ columnMasses: UnsafePointer<Double>!, _ length: Double,
  _ power: Double, _ solution: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    try unsafe SolutionDoor.put(at: solution) {
      try requireEach(("rows", rows), ("columns", columns))
      let answer = try Circle(length: length, power: power).solve(
        unsafe numbers(x, rows, "x"), unsafe numbers(y, columns, "y"),
        rowMasses: unsafe optionalNumbers(rowMasses, rows, "row_masses"),
        columnMasses: unsafe optionalNumbers(columnMasses, columns, "column_masses"))
      return FoundCoupling(
        .sparse(answer.coupling), cost: answer.cost, answer.certificate, iterations: 1)
    }
  }
}

@c @implementation
public func ferry_ot_sliced_greatest(
  _ problem: UnsafePointer<ferry_ot_problem>!, _ directions: Int, _ power: Double, _ seed: UInt64,
  _ cost: UnsafeMutablePointer<Double>!, _ direction: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    let task = try unsafe ProblemDoor(problem)
    let cloud = try task.cloud
    let found = try Sliced(directions: directions, power: power, seed: Seed(seed)).greatest(
      cloud.sources, cloud.targets, rowMasses: task.rowMasses, columnMasses: task.columnMasses)
    try unsafe put([found.cost], cost, "the cost's place")
    if unsafe direction != nil {
      try unsafe put(found.direction, direction, "the direction's place")
    }
  }
}

@c @implementation
public func ferry_ot_gaussian(
  _ dimensions: Int, _ meanA: UnsafePointer<Double>!, _ covarianceA: UnsafePointer<Double>!,
  _ meanB: UnsafePointer<Double>!, _ covarianceB: UnsafePointer<Double>!,
  _ cost: UnsafeMutablePointer<Double>!, _ map: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    try requireEach(("dimensions", dimensions))
    let squares = try product(dimensions, dimensions, "the covariances")
    let from = try Gaussian(
      mean: unsafe numbers(meanA, dimensions, "mean_a"),
      covariance: unsafe numbers(covarianceA, squares, "covariance_a"))
    let to = try Gaussian(
      mean: unsafe numbers(meanB, dimensions, "mean_b"),
      covariance: unsafe numbers(covarianceB, squares, "covariance_b"))
    if unsafe cost != nil {
      try unsafe put([from.squaredDistance(to: to)], cost, "the cost's place")
    }
    if unsafe map != nil { try unsafe put(from.map(to: to).matrix, map, "the map's place") }
  }
}

@c @implementation
public func ferry_ot_map(
  _ solution: OpaquePointer!, _ points: UnsafePointer<Double>!, _ count: Int,
  _ images: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    let found = try unsafe SolutionDoor.behind(solution)
    guard let cloud = found.cloud else {
      throw DoorError("this is between points; problem.costs must be NULL")
    }
    try requireEach(("count", count))
    let d = cloud.sources.dimensions
    let given = try Points(
      unsafe numbers(points, product(count, d, "points"), "points"), dimensions: d)
    let moved: Points
    if case .implicit = found.coupling, let entropic = found.solution {
      moved = try EntropicMap(entropic)(given)
    } else {
      moved = try BarycentricMap(found.coupling, from: cloud.sources, to: cloud.targets)(given)
    }
    try unsafe put(moved.coordinates, images, "the images' place")
  }
}
