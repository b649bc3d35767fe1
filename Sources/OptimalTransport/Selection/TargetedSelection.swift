// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Chooses from a pool the samples that serve a few targets best: their nearest neighbors, layer by layer,
/// judged by the transport distance between what is chosen and the targets (TAROT; Feng et al. 2024,
/// section 3.3).
///
/// Layer k holds each target's k-th nearest sample, so that no kind of target is forgotten, however few
/// there are of it. Features are best whitened before: see `WhitenedFeatures`.
public struct TargetedSelection: Sendable {
  /// Who comes from a layer that does not fit as a whole.
  public enum LastLayer: Sendable {
    /// The least potentials in the problem of all that was chosen and the layer: those whose weight lowers
    /// the distance most.
    case leastPotentials
    /// The greatest potentials in the problem of the layer alone, as the authors' program does: those that
    /// are hardest to move to the targets.
    case greatestPotentials
  }

  /// Works out distances; of an entropic one, the dual value counts.
  public var solver: any TransportSolver
  /// Between features.
  public var cost: PointCost
  /// Who comes from a layer that does not fit as a whole.
  public var lastLayer: LastLayer
  /// How many threads work; the result is the same for every count.
  public var threads: Threads
  /// Called after each fold's search, from any thread.
  public var progress: (@Sendable (Fold) -> Void)?

  /// The defaults are the paper's: an entropy of 0.01, for features of length 1.
  public init(
    solver: any TransportSolver = Sinkhorn(.epsilon(0.01), tolerance: 1e-4),
    cost: PointCost = .euclidean, lastLayer: LastLayer = .leastPotentials,
    threads: Threads = .cores, progress: (@Sendable (Fold) -> Void)? = nil
  ) {
    self.solver = solver
    self.cost = cost
    self.lastLayer = lastLayer
    self.threads = threads
    self.progress = progress
  }

  /// What was chosen, and what proves how near it is.
  public struct Selection: Sendable {
    /// Places in the pool: by layers, or in ascending order where folds were joined.
    public let indices: [Int]
    /// From the chosen, in the order of `indices` and with equal masses, to all targets.
    public let solution: TransportSolution
    /// Each fold's search; empty where the count was given.
    public let folds: [Fold]

    /// The transport distance from the chosen to the targets.
    public var distance: Double { solution.certificate.dual }
  }

  /// How many layers of some targets' neighbors lower the distance to the other targets.
  public struct Fold: Sendable, Equatable {
    /// Which one, from 0.
    public let number: Int
    /// The distance to the other targets after each layer that had something new; only the last may be no
    /// lower than the one before it, and its layer is not taken.
    public let distances: [Double]
    /// How many layers are taken.
    public let layers: Int
    /// What is chosen, in the order of layers.
    public let indices: [Int]
  }

  /// Chooses so many.
  ///
  /// - Returns: `count` different samples, layer by layer; for one more, all of them are there again up to
  ///   the last layer.
  /// - Throws: `.badSetting` for a count below 1 or above the pool's, `.shapeMismatch` where dimensions
  ///   differ, `.badCost` for distances that are not finite; else as the solver.
  public func choose(
    _ count: Int, from pool: Points, for targets: Points
  ) throws(TransportError) -> Selection {
    guard count > 0, count <= pool.count else {
      throw TransportError(
        .badSetting, "\(count) of \(pool.count) samples", at: "selection",
        remedy: "Choose at least 1, and at most what the pool has.")
    }
    var layers = try NeighborLayers(targets, in: pool, cost: cost, threads: threads)
    var growing = GrowingChoice(pool.count)
    var depth = 0
    while growing.indices.count < count {
      let fresh = growing.fresh(try layers.layer(depth))
      depth += 1
      let room = count - growing.indices.count
      if fresh.count <= room {
        growing.add(fresh)
      } else {
        growing.add(try best(room, of: fresh, beside: growing.indices, pool, targets))
      }
    }
    return Selection(
      indices: growing.indices, solution: try solve(growing.indices, pool, targets, by: solver),
      folds: [])
  }

  /// Chooses as many as lower the distance to targets that were not looked at.
  ///
  /// Targets are dealt into folds. A fold's targets take layers of their neighbors while these come nearer to
  /// all other targets; what the folds have taken is joined. (The authors' program also keeps the layer that
  /// comes no nearer.)
  ///
  /// - Parameters:
  ///   - folds: how many, at least 2; never more than there are targets.
  ///   - seed: which targets share a fold.
  /// - Throws: `.badSetting` for fewer than 2 folds or targets; `.cancelled` between folds; else as
  ///   `choose`.
  public func chooseWhileNearer(
    from pool: Points, for targets: Points, folds: Int = 10, seed: Seed
  ) throws(TransportError) -> Selection {
    guard folds > 1, targets.count > 1 else {
      throw TransportError(
        .badSetting, "\(folds) folds of \(targets.count) targets", at: "selection",
        remedy: "Give at least 2 targets and 2 folds, or say how many samples to choose.")
    }
    var random = SplitMix64(seed)
    let order = Array(0..<targets.count).shuffled(using: &random)
    let count = min(folds, targets.count)
    typealias Answer = Result<Fold, TransportError>
    let answers = ResultSlots<Answer>(count)
    // A cancelled task is seen by the thread that asked, between runs of folds.
    for start in stride(from: 0, to: count, by: threads.count) {
      try checkCancelled("selection")
      threads.forEach(min(threads.count, count - start)) { part in
        let number = start + part
        answers[number] = Answer { () throws(TransportError) in
          let own = order.indices.filter { $0 % count == number }.map { order[$0] }
          let others = order.indices.filter { $0 % count != number }.map { order[$0] }
          return try search(
            number, pool, try targets.chosen(own), judgedBy: try targets.chosen(others))
        }
      }
    }
    var found: [Fold] = []
    for number in 0..<count { found.append(try answers[number]!.get()) }
    let indices = Set(found.flatMap(\.indices)).sorted()
    return Selection(
      indices: indices, solution: try solve(indices, pool, targets, by: solver), folds: found)
  }

  /// One fold: layers while the distance to the others falls.
  private func search(
    _ number: Int, _ pool: Points, _ own: Points, judgedBy others: Points
  ) throws(TransportError) -> Fold {
    var layers = try NeighborLayers(own, in: pool, cost: cost, threads: .one)
    var growing = GrowingChoice(pool.count)
    var distances: [Double] = []
    var kept = (layers: 0, count: 0)
    for depth in 0..<layers.count {
      let fresh = growing.fresh(try layers.layer(depth))
      // Where it has nothing new, nothing is said about the next one.
      guard !fresh.isEmpty else { continue }
      growing.add(fresh)
      let distance = try solve(growing.indices, pool, others, by: solver.single).certificate.dual
      let isNearer = distances.last.map { distance < $0 } ?? true
      distances.append(distance)
      guard isNearer else { break }
      kept = (depth + 1, growing.indices.count)
    }
    let fold = Fold(
      number: number, distances: distances, layers: kept.layers,
      indices: Array(growing.indices.prefix(kept.count)))
    progress?(fold)
    return fold
  }

  /// Some of a layer that does not fit as a whole.
  private func best(
    _ room: Int, of layer: [Int], beside chosen: [Int], _ pool: Points, _ targets: Points
  ) throws(TransportError) -> [Int] {
    let sign: Double
    let potentials: [Double]
    switch lastLayer {
    case .leastPotentials:
      sign = 1
      potentials = try solve(chosen + layer, pool, targets, by: solver).rowPotentials
    case .greatestPotentials:
      sign = -1
      potentials = try solve(layer, pool, targets, by: solver).rowPotentials
    }
    let own = potentials.suffix(layer.count).map { sign * $0 }
    let order = layer.indices.sorted { (own[$0], layer[$0]) < (own[$1], layer[$1]) }
    return order.prefix(room).map { layer[$0] }
  }

  private func solve(
    _ chosen: [Int], _ pool: Points, _ targets: Points, by solver: any TransportSolver
  ) throws(TransportError) -> TransportSolution {
    try solver.solve(LinearProblem(PointCloud(pool.chosen(chosen), targets, cost: cost)))
  }
}

/// Samples chosen so far, none twice.
private struct GrowingChoice {
  private(set) var indices: [Int] = []
  private var isChosen: [Bool]

  init(_ count: Int) { isChosen = Array(repeating: false, count: count) }

  /// Those of a layer that are new, each once, in its order.
  func fresh(_ layer: [Int]) -> [Int] {
    var seen: Set<Int> = []
    return layer.filter { !isChosen[$0] && seen.insert($0).inserted }
  }

  mutating func add(_ fresh: [Int]) {
    for index in fresh { isChosen[index] = true }
    indices += fresh
  }
}

extension Points {
  /// Some of the points, in the order given.
  func chosen(_ indices: [Int]) throws(TransportError) -> Points {
    try Points(indices.flatMap { self[$0] }, dimensions: dimensions)
  }
}
