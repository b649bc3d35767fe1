// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// Cells of a simulated network, untreated and under drugs, as a few numbers each: what is trained on,
/// and what becomes of the very cells that are tested.
struct PerturbationData {
  /// What a test is about.
  enum Group: String, CaseIterable {
    case seen = "trained conditions"
    case dose = "unseen doses"
    case drug = "unseen drugs"
    case pair = "unseen pairs of drugs"
  }

  /// The network's genes.
  let genes: [String]
  /// All drugs: each gene down, and up.
  let drugs: [Drug]
  /// Those of which nothing is trained.
  let heldOut: [Drug]
  /// What is trained.
  let trained: [Treatment]
  /// What is tested.
  let tests: [Group: [Treatment]]
  /// Coordinates of a cell.
  let dimensions: Int
  let autoencoder: Autoencoder
  /// Untreated cells, `[n, dimensions]`.
  let sources: [Double]
  /// Other cells under what is trained, `[m, dimensions]`.
  let treated: [Treatment: [Double]]
  /// Cells that are tested, untreated.
  let start: [Double]
  /// The same cells, with the same noise, under what is tested: no experiment has them.
  let truth: [Treatment: [Double]]
  /// Other cells under what is tested, as many, with noise of their own.
  let others: [Treatment: [Double]]
  /// Means of what is measured of those.
  let geneMeans: [Treatment: [Double]]
  /// Where a drug's effect lies among others', by how far apart treated populations are.
  let modes: [Drug: [Double]]
  /// What the modes of action leave of those distances, as a share of their squares.
  let stress: Double

  /// Genes that are on in a progenitor of the published network.
  private static let starting = ["Gata2", "Pu.1", "Cebpa"]
  /// The deviation of a step's noise: from the published 0.001 up, populations become heterogeneous.
  private static let noise = 0.01

  init(_ run: RecipeRun) throws {
    let network = try run.data.network()
    genes = network.genes.map(\.name)
    let plan = Self.plan(genes: genes, run)
    (drugs, heldOut, trained, tests) = (plan.drugs, plan.heldOut, plan.trained, plan.tests)
    let simulator = CellSimulator(
      network, starting: try Self.starting.map { name in try network.index(of: name) },
      steps: run.size(smoke: 80, standard: network.steps), noise: Self.noise)
    var mixing = run.generator("mixing")
    let measurement = GeneMeasurement(
      genes: genes.count, count: run.size(smoke: 24, standard: 60), using: &mixing)

    run.note("simulating cells under \(trained.count) treatments")
    func cells(_ label: String, _ count: Int) -> [CellSimulator.Cell] {
      (0..<count).map { simulator.cell(run.seed.derived(label, UInt64($0))) }
    }
    /// What is measured of some cells; each measurement has noise of its own.
    func measured(
      _ cells: [CellSimulator.Cell], under treatment: Treatment?, _ label: String, _ number: Int
    ) -> [Double] {
      cells.enumerated().flatMap { place, cell in
        measurement(
          simulator.harvested(cell, under: treatment),
          seed: run.seed.derived(label, UInt64(number), UInt64(place)))
      }
    }
    let size = run.size(smoke: 24, standard: 256)
    let pool = cells("treated cells", run.size(smoke: 40, standard: 1_200))
    var chance = run.generator("wells")
    func population(under treatment: Treatment, _ number: Int) -> [Double] {
      measured(
        Array(pool.shuffled(using: &chance).prefix(size)), under: treatment, "measured", number)
    }
    let controls = measured(
      cells("control cells", run.size(smoke: 40, standard: 800)), under: nil, "control", 0)
    let wells = plan.trained.enumerated().map { population(under: $0.element, $0.offset) }
    let pilots = plan.heldOut.enumerated().map {
      population(
        under: Treatment($0.element, dose: Treatment.top), plan.trained.count + $0.offset)
    }

    run.note("an autoencoder of \(measurement.count) genes")
    let autoencoder = try Autoencoder(
      controls + wells.joined(), features: measurement.count, hidden: 64,
      latents: run.size(smoke: 4, standard: 12), steps: run.size(smoke: 20, standard: 1_500),
      seed: run.seed.derived("cells as numbers"))
    self.autoencoder = autoencoder
    dimensions = autoencoder.latents
    sources = try autoencoder(controls)
    var treated: [Treatment: [Double]] = [:]
    for (treatment, rows) in zip(plan.trained, wells) { treated[treatment] = try autoencoder(rows) }
    self.treated = treated

    let count = run.size(smoke: 16, standard: 300, full: 900)
    let tested = cells("tested cells", count)
    let further = cells("compared cells", count)
    // One label and number for all: a cell is measured with the same noise, treated or not.
    start = try autoencoder(measured(tested, under: nil, "tested", 0))
    var truth: [Treatment: [Double]] = [:]
    var others: [Treatment: [Double]] = [:]
    var means: [Treatment: [Double]] = [:]
    for (number, treatment) in Group.allCases.flatMap({ plan.tests[$0]! }).enumerated() {
      truth[treatment] = try autoencoder(measured(tested, under: treatment, "tested", 0))
      let rows = measured(further, under: treatment, "compared", number)
      others[treatment] = try autoencoder(rows)
      means[treatment] = PopulationMoments(rows, dimensions: measurement.count).mean
    }
    (self.truth, self.others, geneMeans) = (truth, others, means)

    run.note("modes of action of \(drugs.count) drugs")
    var scaling = run.generator("modes of action")
    let strong = try plan.drugs.map { drug in
      let known = treated[Treatment(drug, dose: Treatment.top)]
      return try known ?? autoencoder(pilots[plan.heldOut.firstIndex(of: drug)!])
    }
    (modes, stress) = try Self.modes(
      drugs, strong, control: sources, dimensions: dimensions, cells: size, using: &scaling)
  }

  /// Which drugs there are, and which treatments are trained and tested: the same in every run.
  private static func plan(
    genes: [String], _ run: RecipeRun
  ) -> (
    drugs: [Drug], heldOut: [Drug], trained: [Treatment], tests: [Group: [Treatment]]
  ) {
    let drugs = genes.indices.flatMap { gene in
      [false, true].map { Drug(gene: gene, drives: $0) }
    }
    // At most one of a gene.
    var heldOut: [Drug] = []
    for drug in splitOrder(of: DataItem.grn.key, drugs, by: { $0.text(genes) })
    where heldOut.count < run.size(smoke: 1, standard: 4) {
      if !heldOut.contains(where: { $0.gene == drug.gene }) { heldOut.append(drug) }
    }
    let seen = drugs.filter { !heldOut.contains($0) }
    var pairs: [Treatment] = []
    for (place, drug) in seen.enumerated() {
      for other in seen[(place + 1)...] where other.gene != drug.gene {
        pairs.append(Treatment(drug, other, dose: Treatment.doses.count / 2))
      }
    }
    pairs = splitOrder(of: DataItem.grn.key, pairs, by: { $0.text(genes) })
    let (own, others) = (run.size(smoke: 2, standard: 10), run.size(smoke: 1, standard: 5))
    let trained =
      seen.flatMap { drug in Treatment.trainedDoses.map { Treatment(drug, dose: $0) } }
      + pairs.prefix(own)
    return (
      drugs, heldOut, trained,
      [
        .seen: Array(
          splitOrder(of: DataItem.grn.key, trained, by: { $0.text(genes) })
            .prefix(run.size(smoke: 2, standard: 12))),
        .dose: seen.flatMap { drug in
          Treatment.heldOutDoses.map { Treatment(drug, dose: $0) }
        },
        .drug: heldOut.flatMap { drug in
          Treatment.doses.indices.map { Treatment(drug, dose: $0) }
        },
        .pair: Array(pairs.dropFirst(own).prefix(others)),
      ]
    )
  }

  /// Drugs as points whose distances are those of populations treated with the greatest dose, untreated
  /// cells at 0; a mean square of 1.
  private static func modes(
    _ drugs: [Drug], _ strong: [[Double]], control: [Double], dimensions d: Int, cells: Int,
    using chance: inout SplitMix64
  ) throws -> (modes: [Drug: [Double]], stress: Double) {
    let populations = try ([control] + strong).map {
      try Points(Array($0.prefix(cells * d)), dimensions: d)
    }
    let divergence = SinkhornDivergence(Sinkhorn(.epsilon(1), tolerance: 1e-4))
    let n = populations.count
    var distances = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      for j in 0..<i {
        let value = try divergence(
          PointCloud(populations[i], populations[j], cost: .euclidean)
        ).divergence
        distances[i * n + j] = max(0, value)
        distances[j * n + i] = max(0, value)
      }
    }
    let size = min(10, n - 1)
    let scaling = MetricScaling(distances: distances, dimensions: size, using: &chance)
    let origin = Array(scaling.points[..<size])
    let places = scaling.points[size...].enumerated().map { $0.element - origin[$0.offset % size] }
    let scale = (places.reduce(0) { $0 + $1 * $1 } / Double(places.count)).squareRoot()
    let modes = drugs.indices.map { k in
      places[k * size..<(k + 1) * size].map { scale > 0 ? $0 / scale : 0 }
    }
    return (Dictionary(uniqueKeysWithValues: zip(drugs, modes)), scaling.stress)
  }
}
