// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CFerry
import FerryBasics
import FerryOptimalTransport

// Barycenters, clusters, more than two measures and selections, for C: translates, never decides.

/// Measures of as many masses each, `[count, size]`.
private func measures(
  _ pointer: UnsafePointer<Double>?, _ count: Int, _ size: Int, _ name: String
) throws(DoorError) -> [[Double]] {
  guard count > 0, size > 0 else {
    throw DoorError("\(name): \(count) of \(size) numbers; there must be at least 1 of each")
  }
  let all = try unsafe numbers(pointer, product(count, size, name), name)
  return (0..<count).map { Array(all[$0 * size..<($0 + 1) * size]) }
}

/// How many points each of some clouds or measures has, and all together.
private func sizes(
  _ pointer: UnsafePointer<Int>?, _ count: Int, of one: String
) throws(DoorError) -> (each: [Int], total: Int) {
  guard let pointer = unsafe pointer else { throw DoorError("counts is NULL") }
  // SAFETY: the header demands as many sizes.
  let all = unsafe Array(UnsafeBufferPointer(start: pointer, count: count))
  var total = 0
  for size in all {
    let (sum, overflow) = total.addingReportingOverflow(size)
    guard size > 0, !overflow else { throw DoorError("a \(one) has \(size) points") }
    total = sum
  }
  return (all, total)
}

/// Weighted clouds that lie one after the other.
private func measures(
  _ points: UnsafePointer<Double>?, _ masses: UnsafePointer<Double>?,
  _ counts: UnsafePointer<Int>?, _ clouds: Int, _ dimensions: Int
) throws -> [PointMeasure] {
  guard clouds > 0, dimensions > 0 else {
    throw DoorError(
      "\(clouds) clouds of \(dimensions) dimensions; there must be at least 1 of each")
  }
  let (each, total) = try unsafe sizes(counts, clouds, of: "cloud")
  let all = try unsafe numbers(points, product(total, dimensions, "points"), "points")
  let allMasses = try unsafe optionalNumbers(masses, total, "masses")
  var first = 0
  return try each.map { size in
    defer { first += size }
    return try PointMeasure(
      Points(
        Array(all[first * dimensions..<(first + size) * dimensions]), dimensions: dimensions),
      masses: allMasses.map { Array($0[first..<first + size]) })
  }
}

extension Choice {
  /// For masses on points that stay.
  fileprivate var fixedBarycenter: FixedSupportBarycenter {
    get throws(DoorError) {
      var solver = FixedSupportBarycenter(epsilon: try epsilon, threads: threads)
      limit(&solver.tolerance, &solver.iterationsMax)
      return solver
    }
  }
}

@c @implementation
public func ferry_ot_barycenter(
  _ costs: UnsafePointer<Double>!, _ points: Int, _ given: UnsafePointer<Double>!, _ count: Int,
  _ weights: UnsafePointer<Double>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ masses: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    let all = try unsafe measures(given, count, points, "measures")
    let table = try unsafe numbers(costs, product(points, points, "costs"), "costs")
    let found = try unsafe Choice(options).fixedBarycenter.solve(
      DenseCost(table, rows: points, columns: points), measures: all,
      weights: optionalNumbers(weights, count, "weights"))
    try unsafe put(found.masses, masses, "the masses' place")
  }
}

@c @implementation
public func ferry_ot_picture_barycenter(
  _ pictures: UnsafePointer<Double>!, _ count: Int, _ rows: Int, _ columns: Int,
  _ weights: UnsafePointer<Double>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ masses: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    let all = try unsafe measures(
      pictures, count, product(rows, columns, "pictures"), "pictures")
    let found = try unsafe Choice(options).fixedBarycenter.solve(
      pictures: all, rows: rows, columns: columns,
      weights: optionalNumbers(weights, count, "weights"))
    try unsafe put(found.masses, masses, "the masses' place")
  }
}

@c @implementation
public func ferry_ot_free_barycenter(
  _ points: UnsafePointer<Double>!, _ masses: UnsafePointer<Double>!,
  _ counts: UnsafePointer<Int>!, _ clouds: Int, _ dimensions: Int,
  _ weights: UnsafePointer<Double>!, _ supportPoints: UnsafeMutablePointer<Double>!,
  _ supportMasses: UnsafePointer<Double>!, _ support: Int,
  _ options: UnsafePointer<ferry_ot_options>!, _ cost: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    guard support > 0 else { throw DoorError("a support of \(support) points") }
    let given = try unsafe measures(points, masses, counts, clouds, dimensions)
    let start = try PointMeasure(
      Points(
        unsafe numbers(
          UnsafePointer(supportPoints), product(support, dimensions, "support_points"),
          "support_points"), dimensions: dimensions),
      masses: unsafe optionalNumbers(supportMasses, support, "support_masses"))
    let choice = try unsafe Choice(options)
    var solver = FreeSupportBarycenter()
    switch choice.method {
    case FERRY_OT_EXACT: break
    case FERRY_OT_SINKHORN:
      solver.solver = .entropic(Sinkhorn(.epsilon(try choice.epsilon), threads: choice.threads))
    default: throw DoorError("a barycenter has FERRY_OT_EXACT and FERRY_OT_SINKHORN alone")
    }
    choice.limit(&solver.tolerance, &solver.iterationsMax)
    let found = try solver.solve(
      given, weights: unsafe optionalNumbers(weights, clouds, "weights"), start: start)
    try unsafe put(found.measure.points.coordinates, supportPoints, "support_points")
    if unsafe cost != nil { try unsafe put([found.cost], cost, "the cost's place") }
  }
}

@c @implementation
public func ferry_ot_clusters(
  _ points: UnsafePointer<Double>!, _ masses: UnsafePointer<Double>!,
  _ counts: UnsafePointer<Int>!, _ clouds: Int, _ dimensions: Int, _ clusters: Int, _ support: Int,
  _ seed: UInt64, _ options: UnsafePointer<ferry_ot_options>!,
  _ clusterOf: UnsafeMutablePointer<Int>!, _ centers: UnsafeMutablePointer<Double>!,
  _ cost: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    let given = try unsafe measures(points, masses, counts, clouds, dimensions)
    guard let places = unsafe clusterOf else { throw DoorError("the clusters' place is NULL") }
    let choice = try unsafe Choice(options)
    guard choice.method == FERRY_OT_EXACT else {
      throw DoorError("clusters have FERRY_OT_EXACT alone")
    }
    var solver = WassersteinKMeans(clusters: clusters, supportSize: support, seed: Seed(seed))
    choice.limit(&solver.barycenter.tolerance, &solver.iterationsMax)
    let found = try solver.solve(given)
    // SAFETY: the header demands room for one number for each cloud.
    unsafe places.update(from: found.clusterOf, count: found.clusterOf.count)
    try unsafe put(
      found.centers.flatMap(\.points.coordinates), centers, "the centers' place")
    if unsafe cost != nil { try unsafe put([found.cost], cost, "the cost's place") }
  }
}

@c @implementation
public func ferry_ot_multi(
  _ costs: UnsafePointer<Double>!, _ counts: UnsafePointer<Int>!, _ sides: Int,
  _ masses: UnsafePointer<Double>!, _ options: UnsafePointer<ferry_ot_options>!,
  _ coupling: UnsafeMutablePointer<Double>!, _ potentials: UnsafeMutablePointer<Double>!,
  _ certificate: UnsafeMutablePointer<ferry_ot_certificate>!
) -> ferry_status {
  call {
    guard sides > 1 else { throw DoorError("sides is \(sides); there must be at least 2") }
    let (each, total) = try unsafe sizes(counts, sides, of: "measure")
    let entries = try each.reduce(1) { try product($0, $1, "costs") }
    let all = try unsafe numbers(masses, total, "masses")
    let choice = try unsafe Choice(options)
    var solver = MultiMarginal(epsilon: try choice.epsilon)
    choice.limit(&solver.tolerance, &solver.iterationsMax)
    var first = 0
    let found = try solver.solve(
      costs: unsafe numbers(costs, entries, "costs"),
      measures: each.map { size in
        defer { first += size }
        return Array(all[first..<first + size])
      })
    try unsafe put(found.masses, coupling, "the coupling's place")
    if unsafe potentials != nil {
      try unsafe put(found.potentials.flatMap { $0 }, potentials, "the potentials' place")
    }
    if let place = unsafe certificate {
      let proof = found.certificate
      // SAFETY: the place is the caller's and not NULL.
      unsafe place.pointee = ferry_ot_certificate(
        cost: found.transportCost, primal: proof.primal, dual: proof.dual,
        row_error: proof.rowError, column_error: proof.columnError,
        mass: found.masses.reduce(0, +), epsilon: solver.epsilon,
        iterations: UInt64(found.iterations), entries: 0, is_converged: true)
    }
  }
}

@c @implementation
public func ferry_ot_select(
  _ selection: UnsafePointer<ferry_ot_selection>!, _ rows: UnsafeMutablePointer<Int>!,
  _ count: UnsafeMutablePointer<Int>!, _ distance: UnsafeMutablePointer<Double>!
) -> ferry_status {
  call {
    guard let pointer = unsafe selection else { throw DoorError("the selection is NULL") }
    // SAFETY: the header demands a selection of `size` bytes; no more than those are read.
    let size = unsafe pointer.pointee.size
    guard unsafe size >= MemoryLayout<ferry_ot_selection>.size else {
      throw DoorError("selection.size is \(size); set it to sizeof(struct ferry_ot_selection)")
    }
    guard let rows = unsafe rows, let place = unsafe count else {
      throw DoorError("the rows' place or that of their count is NULL")
    }
    let given = unsafe pointer.pointee
    let dimensions = unsafe given.dimensions
    guard unsafe given.pool > 0, unsafe given.targets > 0, dimensions > 0 else {
      throw DoorError(
        unsafe "\(given.pool) samples, \(given.targets) targets and \(dimensions) dimensions; "
          + "there must be at least 1 of each")
    }
    func points(_ pointer: UnsafePointer<Double>?, _ count: Int, _ name: String) throws -> Points {
      try Points(
        unsafe numbers(pointer, product(count, dimensions, name), name), dimensions: dimensions)
    }
    let seed = Seed(unsafe given.seed)
    let features = try SelectionFeatures(
      pool: unsafe points(given.pool_samples, given.pool, "selection.pool_samples"),
      targets: unsafe points(given.target_samples, given.targets, "selection.target_samples"),
      unsafe given.is_plain ? .plain : .whitened,
      columns: unsafe given.projected == 0 ? nil : given.projected, seed: seed)
    let selecting = TargetedSelection(solver: features.solver)
    let wanted = unsafe given.count
    let chosen =
      wanted > 0
      ? try selecting.choose(wanted, from: features.pool, for: features.targets)
      : try selecting.chooseWhileNearer(
        from: features.pool, for: features.targets, folds: unsafe given.folds,
        seed: seed.derived("folds"))
    // SAFETY: the header demands room for as many numbers as the pool has.
    unsafe rows.update(from: chosen.indices, count: chosen.indices.count)
    unsafe place.pointee = chosen.indices.count
    if unsafe distance != nil {
      try unsafe put([chosen.distance], distance, "the distance's place")
    }
  }
}
