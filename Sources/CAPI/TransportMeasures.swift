// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CFerry
import FerryBasics
import FerryOptimalTransport

// Barycenters and selections, for C: translates, never decides.

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
    guard clouds > 0, dimensions > 0, support > 0 else {
      throw DoorError(
        "\(clouds) clouds, \(dimensions) dimensions and a support of \(support); there must be at "
          + "least 1 of each")
    }
    guard let counts = unsafe counts else { throw DoorError("counts is NULL") }
    // SAFETY: the header demands one count for each cloud.
    let sizes = unsafe Array(UnsafeBufferPointer(start: counts, count: clouds))
    var total = 0
    for size in sizes {
      let (sum, overflow) = total.addingReportingOverflow(size)
      guard size > 0, !overflow else { throw DoorError("a cloud has \(size) points") }
      total = sum
    }
    let all = try unsafe numbers(points, product(total, dimensions, "points"), "points")
    let allMasses = try unsafe optionalNumbers(masses, total, "masses")
    var given: [PointMeasure] = []
    var first = 0
    for size in sizes {
      given.append(
        try PointMeasure(
          Points(
            Array(all[first * dimensions..<(first + size) * dimensions]), dimensions: dimensions),
          masses: allMasses.map { Array($0[first..<first + size]) }))
      first += size
    }
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
    if let tolerance = choice.tolerance { solver.tolerance = tolerance }
    if let iterationsMax = choice.iterationsMax { solver.iterationsMax = iterationsMax }
    let found = try solver.solve(
      given, weights: unsafe optionalNumbers(weights, clouds, "weights"), start: start)
    try unsafe put(found.measure.points.coordinates, supportPoints, "support_points")
    if unsafe cost != nil { try unsafe put([found.cost], cost, "the cost's place") }
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
