// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// Ways to say what becomes of cells under a treatment.
struct PerturbationContenders {
  /// One way.
  enum Way: String, CaseIterable {
    case mode = "mode of action"
    case target = "target signature"
    case oneHot = "one-hot"
    case doseOnly = "dose only"
    case withoutGap = "mode of action, without the gap"
    case specific = "a map for each condition"
    case shift = "mean shift"
    case identity = "as they are"
    case itself = "the cells themselves, treated"

    /// Whether one network does it for all treatments.
    var isConditional: Bool { [.mode, .target, .oneHot, .doseOnly, .withoutGap].contains(self) }
  }

  private let data: PerturbationData
  private var maps: [Way: TrainedMap] = [:]
  private var specific: [Treatment: TrainedMap] = [:]

  /// Trains all maps: conditional ones from the same parameters as far as they have the same sizes, on
  /// the same cells in the same order.
  init(_ data: PerturbationData, _ run: RecipeRun) throws {
    self.data = data
    let effort = MapTask.Effort(
      steps: run.size(smoke: 6, standard: 3_000), batch: run.size(smoke: 16, standard: 128),
      rate: 1e-3)
    for way in Way.allCases where way.isConditional {
      let isControl = way == .mode && run.subject == .baseline
      let variant: MapTask.Variant =
        isControl ? .unconditional : way == .withoutGap ? .withoutGap : .conditional
      run.note("\(isControl ? variant.rawValue : way.rawValue): \(effort.steps) steps")
      maps[way] = try task(data.trained, way).trained(
        variant, effort, seed: run.seed.derived("maps"), run: run)
    }
    let own = data.tests[.seen]!
    run.note("\(Way.specific.rawValue): \(own.count) of \(effort.steps) steps")
    for treatment in own {
      specific[treatment] = try task([treatment], .doseOnly).trained(
        .conditional, effort, seed: run.seed.derived("maps"), run: run)
    }
  }

  private func task(_ treatments: [Treatment], _ way: Way) -> MapTask {
    MapTask(
      dimensions: data.dimensions, sources: data.sources.map { Float($0) },
      conditions: treatments.map { treatment in
        MapTask.Condition(
          contexts: contexts(of: treatment, way),
          targets: data.treated[treatment]!.map { Float($0) })
      }, cost: .euclidean)
  }

  /// What a map is told of a treatment.
  private func contexts(of treatment: Treatment, _ way: Way) -> [[[Float]]] {
    treatment.parts.map { part in
      let dose = [Treatment.told(part.dose)]
      switch way {
      case .mode, .withoutGap: return [data.modes[part.drug]!.map { Float($0) }, dose]
      case .target:
        return [
          data.genes.indices.map {
            $0 == part.drug.gene ? (part.drug.drives ? 1 : -1) : 0
          }, dose,
        ]
      case .oneHot: return [data.drugs.map { $0 == part.drug ? 1 : 0 }, dose]
      case .doseOnly, .specific, .shift, .identity, .itself: return [dose]
      }
    }
  }

  /// Where the tested cells go, `[n, d]`; nil where a way has no answer.
  func images(_ way: Way, under treatment: Treatment) throws -> [Double]? {
    let points = data.start.map { Float($0) }
    switch way {
    case .identity: return data.start
    case .itself: return data.truth[treatment]
    case .shift:
      let shift = shift(of: treatment)
      return data.start.enumerated().map { $1 + shift[$0 % data.dimensions] }
    case .specific:
      return try specific[treatment]?(points, contexts: contexts(of: treatment, .doseOnly))
    default: return try maps[way]?(points, contexts: contexts(of: treatment, way))
    }
  }

  /// Seconds that training took.
  func seconds(_ way: Way) -> Double? {
    way == .specific ? specific.values.reduce(0) { $0 + $1.seconds } : maps[way]?.seconds
  }

  /// The fit over tenths of the training, of several maps its mean; none where nothing is trained.
  func fits(_ way: Way) -> [Double] {
    guard way == .specific else { return maps[way]?.fits ?? [] }
    let each = specific.values.map(\.fits)
    return each[0].indices.map { tenth in
      each.reduce(0) { $0 + $1[tenth] } / Double(each.count)
    }
  }

  /// By how much the mean moved, if it was seen; between trained doses the mean of both; of pairs the
  /// sum of both drugs'; of a drug that was not seen that of the one whose mode of action is nearest.
  private func shift(of treatment: Treatment) -> [Double] {
    let d = data.dimensions
    if let cells = data.treated[treatment] {
      let (mean, before) = (
        PopulationMoments(cells, dimensions: d).mean,
        PopulationMoments(data.sources, dimensions: d).mean
      )
      return zip(mean, before).map { $0 - $1 }
    }
    func sum(_ shifts: [[Double]], over count: Double) -> [Double] {
      (0..<d).map { k in shifts.reduce(0) { $0 + $1[k] } / count }
    }
    guard treatment.parts.count == 1 else {
      let shifts = treatment.parts.map { shift(of: Treatment($0.drug, dose: $0.dose)) }
      return sum(shifts, over: 1)
    }
    let (drug, dose) = (treatment.parts[0].drug, treatment.parts[0].dose)
    guard !data.heldOut.contains(drug) else {
      let own = data.modes[drug]!
      let seen = data.drugs.filter { !data.heldOut.contains($0) }
      func distance(_ other: Drug) -> Double {
        zip(own, data.modes[other]!).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
      let nearest = seen.min { distance($0) < distance($1) }!
      return shift(of: Treatment(nearest, dose: dose))
    }
    return sum([-1, 1].map { shift(of: Treatment(drug, dose: dose + $0)) }, over: 2)
  }
}
