// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport

extension Perturbation {
  /// What there is to look at.
  static func figures(
    _ data: PerturbationData, _ contenders: PerturbationContenders, _ scores: PerturbationScores
  ) throws -> [Figure] {
    let plane = try Plane(data, contenders)
    let strongest = data.heldOut.max { plane.reach(of: $0) < plane.reach(of: $1) }!
    let colors: [PerturbationData.Group: Canvas.Color] = [
      .seen: Canvas.gray, .dose: Canvas.green, .drug: Canvas.red, .pair: Canvas.blue,
    ]
    let places = scores.reach.map { SIMD2($0.distance, $0.error) }
    var chart = Canvas(width: 480, height: 300, showing: places + [.zero])
    for (one, place) in zip(scores.reach, places) {
      chart.dot(place, colors[one.group]!, radius: 3)
    }
    let farthest = short(places.map(\.x).max()!)
    let worst = short(places.map(\.y).max()!)
    return [
      .pictures(
        title: "Cells untreated, treated, and predicted",
        note:
          "The plane in which tested cells vary most: untreated in gray, the same cells treated in "
          + "green, arrows from where a cell was to where the map sends it. The map was trained on "
          + "other cells, and without pairs.",
        try PerturbationData.Group.allCases.map { group in
          let treatment = data.tests[group]!.max { plane.shift($0) < plane.shift($1) }!
          return (
            "\(group.rawValue): \(treatment.text(data.genes))",
            try plane.picture(treatment, arrows: true)
          )
        }),
      .pictures(
        title: "A drug that was not trained, at five doses",
        note: "Untreated in gray, treated in green, predicted in red.",
        try Treatment.doses.indices.map { dose in
          let treatment = Treatment(strongest, dose: dose)
          return (treatment.text(data.genes), try plane.picture(treatment, arrows: false))
        }),
      .pictures(
        title: "The error, by how far a condition is from those trained",
        note:
          "Across: the distance of the treated mean from that of the nearest trained condition, 0 to "
          + "\(farthest). Up: the divergence of what is predicted, 0 to \(worst). Trained conditions in "
          + "gray, unseen doses in green, unseen drugs in red, unseen pairs in blue.",
        [(caption: "each dot a condition", picture: try chart.picture())]),
      .decay(
        title: "The fit, in tenths of the training", note: "A Sinkhorn divergence.", x: "tenth",
        y: "divergence",
        PerturbationContenders.Way.allCases.filter { !contenders.fits($0).isEmpty }.map { way in
          Curve(
            name: way.rawValue,
            points: contenders.fits(way).enumerated().map {
              SIMD2(Double($0 + 1), max($1, 1e-6))
            })
        }),
    ]
  }

  /// The plane in which tested cells vary most, treated and not.
  private struct Plane {
    private let data: PerturbationData
    private let contenders: PerturbationContenders
    private let axes: PrincipalComponents
    /// Of all cells, so that pictures have one scale.
    private let frame: [SIMD2<Double>]

    init(_ data: PerturbationData, _ contenders: PerturbationContenders) throws {
      self.data = data
      self.contenders = contenders
      let treatments = PerturbationData.Group.allCases.flatMap { data.tests[$0]! }
      let all = data.start + treatments.flatMap { data.truth[$0]! }
      let points = try Points(all, dimensions: data.dimensions)
      axes = try PrincipalComponents(of: points, count: 2)
      frame = try Self.pairs(axes(points))
    }

    private static func pairs(_ points: Points) -> [SIMD2<Double>] {
      let numbers = points.coordinates
      return stride(from: 0, to: numbers.count, by: 2).map { SIMD2(numbers[$0], numbers[$0 + 1]) }
    }

    private func flat(_ cells: [Double]) throws -> [SIMD2<Double>] {
      try Self.pairs(axes(Points(cells, dimensions: data.dimensions)))
    }

    /// How far the mean of the tested cells moves.
    func shift(_ treatment: Treatment) -> Double {
      let d = data.dimensions
      let (a, b) = (
        PopulationMoments(data.start, dimensions: d).mean,
        PopulationMoments(data.truth[treatment]!, dimensions: d).mean
      )
      return zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    /// The same of a drug that was not trained, at its greatest dose.
    func reach(of drug: Drug) -> Double { shift(Treatment(drug, dose: Treatment.top)) }

    func picture(_ treatment: Treatment, arrows: Bool) throws -> Picture {
      var canvas = Canvas(width: 260, height: 220, showing: frame)
      let start = try flat(data.start)
      let images = try flat(contenders.images(.mode, under: treatment) ?? data.start)
      for cell in start { canvas.dot(cell, Canvas.gray) }
      for cell in try flat(data.truth[treatment]!) { canvas.dot(cell, Canvas.green) }
      for (cell, image) in zip(start, images).prefix(arrows ? 40 : start.count) {
        if arrows {
          canvas.arrow(from: cell, to: image, Canvas.red)
        } else {
          canvas.dot(image, Canvas.red)
        }
      }
      return try canvas.picture()
    }
  }
}
