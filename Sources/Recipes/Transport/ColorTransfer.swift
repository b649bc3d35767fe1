// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport

/// One picture in the colors of another: color transfer by optimal transport.
public struct ColorTransfer: Recipe {
  public init() {}

  public var paper: Paper {
    Paper(
      name: "color-transfer", title: "One photograph in the colors of another",
      idea: """
        The pixels of a picture are a cloud of points in the space of colors. The cheapest coupling of \
        two such clouds says which color becomes which, so that the palette of one picture is met \
        exactly and colors change as little as that allows; its entropic form is a smooth map, which \
        moves colors that the coupling has never seen.
        """,
      data: """
        A cup of coffee (Rachel Michetti, CC0) and a rocket at dusk (SpaceX, public domain), 96 × 64 \
        pixels, both as scikit-image ships them; part of the program.
        """,
      references: [
        Reference(
          key: "ferradans2014regularized",
          authors:
            "Ferradans, Sira and Papadakis, Nicolas and Peyré, Gabriel and Aujol, Jean-François",
          title: "Regularized Discrete Optimal Transport",
          venue: "SIAM Journal on Imaging Sciences",
          year: 2014, link: "https://doi.org/10.1137/130929886"),
        Reference(
          key: "reinhard2001color",
          authors: "Reinhard, Erik and Ashikhmin, Michael and Gooch, Bruce and Shirley, Peter",
          title: "Color Transfer between Images", venue: "IEEE Computer Graphics and Applications",
          year: 2001, link: "https://doi.org/10.1109/38.946629"),
        Reference(
          key: "pooladian2021entropic",
          authors: "Pooladian, Aram-Alexandre and Niles-Weed, Jonathan",
          title: "Entropic estimation of optimal transport maps", venue: "arXiv:2109.12004",
          year: 2021, link: "https://arxiv.org/abs/2109.12004"),
      ])
  }

  public var claims: [Claim] {
    [
      Claim(
        "proven", "The coupling is the cheapest there is, and says so itself.",
        "relative gap of the exact coupling", .atMost(1e-12),
        paper: "none: solved by linear programming"),
      Claim(
        "palette",
        "Colors that the map has never seen meet the other picture's palette.",
        "squared distance of held-out colors to the palette, by that of Reinhard's means "
          + "and deviations",
        .atMost(0.5), paper: "none: shown in pictures"),
      Claim(
        "cheapest",
        "Of recolorings that meet the palette exactly, it changes colors least.",
        "mean squared change beyond that of the means, by that of pairing pixels by rank of "
          + "brightness",
        .atMost(0.9), paper: "none: holds by definition, and is checked"),
      Claim(
        "smooth", "The entropic map has fewer artifacts than the exact coupling.",
        "mean change between neighboring pixels, by that of the exact coupling",
        .atMost(0.9), paper: "none: shown in pictures"),
    ]
  }

  /// ε of the smooth map, as a share of the mean cost.
  private static let share = 0.02

  public func run(in run: RecipeRun) throws -> Findings {
    let (from, to) = (Picture.coffee, Picture.launch)
    var noise = run.generator("dither")
    let dither = { Double.random(in: -0.5..<0.5, using: &noise) }
    let all = try from.colors(Array(0..<from.count), dither: dither)
    let palette = try to.colors(Array(0..<to.count), dither: dither)
    let half = run.size(smoke: 200, standard: from.count / 2)
    let fromOrder = Array(splitOrder(of: "coffee", 0..<from.count).prefix(2 * half))
    let toOrder = Array(splitOrder(of: "launch", 0..<to.count).prefix(2 * half))
    // The first half is what maps are fitted to, the second what they are judged by.
    let seen = (try all.picked(fromOrder[..<half]), try palette.picked(toOrder[..<half]))
    let held = (try all.picked(fromOrder[half...]), try palette.picked(toOrder[half...]))

    run.note("the cheapest coupling of \(half) colors with as many")
    let problem = try LinearProblem(PointCloud(seen.0, seen.1))
    let (exact, seconds) = try run.timed { try Assignment().solve(problem) }
    let coupled = try BarycentricMap(exact.coupling, from: seen.0, to: seen.1)
    run.note("the entropic map")
    let soft = try Sinkhorn(.shareOfMeanCost(Self.share)).solve(problem)
    let smooth = try EntropicMap(soft)
    let reinhard = Self.meansAndDeviations(seen.0, seen.1)

    run.note("the palettes that come out")
    let isMethod = run.subject == .method
    let moved = (
      ours: isMethod ? try smooth(held.0) : try reinhard(held.0), theirs: try reinhard(held.0)
    )
    let missed = (
      ours: try Self.cost(moved.ours, held.1), theirs: try Self.cost(moved.theirs, held.1)
    )
    let before = try Self.cost(held.0, held.1)
    let floor = try Self.cost(seen.1, held.1)
    let paired = Self.pairedByBrightness(seen.0, seen.1)
    // Every recoloring that meets the palette moves the mean color, and pays for it.
    let shift = zip(seen.0.moments, seen.1.moments).reduce(0) {
      $0 + ($1.0.mean - $1.1.mean) * ($1.0.mean - $1.1.mean)
    }
    let exactPicture = try from.recolored(coupled(all))
    let smoothPicture = try from.recolored(isMethod ? smooth(all) : coupled(all))

    var findings = Findings()
    findings.moved = "\(half) colors of one picture to \(half) of the other, 1 unit of mass"
    findings.cost =
      "mean squared change \(short(exact.transportCost)) (pairs by brightness "
      + "\(short(paired)), of the means alone \(short(shift))), proven to a gap of "
      + "\(short(exact.certificate.gap)) in \(short(seconds)) s"
    findings.inSync =
      "squared distance of held-out colors to the palette \(short(before)) → "
      + "\(short(missed.ours)) (Reinhard \(short(missed.theirs)), floor \(short(floor)))"
    findings.measured = [
      "proven": Measured(
        Measured.worse(exact.certificate.relativeGap, exact.certificate.marginalError)),
      "palette": Measured(missed.ours / missed.theirs, baseline: 1),
      "cheapest": Measured(
        isMethod ? (exact.transportCost - shift) / (paired - shift) : 1, baseline: 1),
      "smooth": Measured(smoothPicture.roughness / exactPicture.roughness, baseline: 1),
    ]
    findings.tables = [
      FindingTable(
        title: "Held-out colors against the palette",
        columns: ["map", "squared distance", "of before"],
        rows: [
          ("left as they are", before), ("means and deviations (Reinhard)", missed.theirs),
          ("normal distributions", try Self.cost(Self.normal(seen.0, seen.1)(held.0), held.1)),
          ("exact coupling, nearest color", try Self.cost(coupled(held.0), held.1)),
          ("entropic map", try Self.cost(smooth(held.0), held.1)),
          ("floor: other colors of the palette itself", floor),
        ].map { [$0.0, short($0.1), short($0.1 / before)] })
    ]
    findings.figures = [
      .pictures(
        title: "One picture in the colors of the other",
        note: "Maps were fitted to half of the pixels; the other half they had not seen.",
        [
          ("the picture", from), ("the palette", to),
          ("means and deviations (Reinhard)", try from.recolored(reinhard(all))),
          ("exact coupling", exactPicture), ("entropic map", smoothPicture),
        ])
    ]
    findings.simulated = [
      "Nothing: both are photographs, made smaller. Half a step of noise is added to 8-bit colors, so "
        + "that no two are equal."
    ]
    findings.notDone = [
      "Ferradans and others regularize by a graph of neighboring colors and relax the marginals; the "
        + "smooth map here is the entropic one.",
      "Reinhard and others work in the space lαβ; here both methods work on red, green and blue.",
    ]
    return findings
  }

  /// W₂² of two clouds of as many points, exact.
  private static func cost(_ x: Points, _ y: Points) throws -> Double {
    try Assignment().solve(LinearProblem(PointCloud(x, y))).transportCost
  }

  /// Each channel shifted and stretched to the other's mean and deviation.
  private static func meansAndDeviations(
    _ x: Points, _ y: Points
  ) -> (Points) throws -> Points {
    let (from, to) = (x.moments, y.moments)
    return { points in
      let moved = points.coordinates.enumerated().map { i, value in
        let k = i % 3
        return (value - from[k].mean) / from[k].deviation * to[k].deviation + to[k].mean
      }
      return try Points(moved, dimensions: 3)
    }
  }

  private static func normal(_ x: Points, _ y: Points) throws -> (Points) throws -> Points {
    let map = try Gaussian(of: x).map(to: Gaussian(of: y))
    return { try map($0) }
  }

  /// The mean squared change where the k-th darkest pixel takes the k-th darkest color.
  private static func pairedByBrightness(_ x: Points, _ y: Points) -> Double {
    let order = (x.byBrightness, y.byBrightness)
    var sum = 0.0
    for (i, j) in zip(order.0, order.1) {
      for (a, b) in zip(x[i], y[j]) { sum += (a - b) * (a - b) }
    }
    return sum / Double(x.count)
  }
}

extension Points {
  fileprivate func picked(_ indices: ArraySlice<Int>) throws -> Points {
    try Points(indices.flatMap { self[$0] }, dimensions: dimensions)
  }

  /// Of each coordinate.
  fileprivate var moments: [(mean: Double, deviation: Double)] {
    (0..<dimensions).map { k in
      let values = (0..<count).map { coordinates[$0 * dimensions + k] }
      let mean = values.reduce(0, +) / Double(count)
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (mean, (squares / Double(count)).squareRoot())
    }
  }

  /// The weights are those of BT.601.
  fileprivate var byBrightness: [Int] {
    let weights = [0.299, 0.587, 0.114]
    let light = (0..<count).map { i in
      zip(self[i], weights).reduce(0.0) { $0 + $1.0 * $1.1 }
    }
    return light.indices.sorted { light[$0] < light[$1] }
  }
}

extension Picture {
  /// The mean change between neighboring pixels, in steps of 8 bits.
  fileprivate var roughness: Double {
    var sum = 0
    for row in 0..<height {
      for column in 0..<width {
        for k in 0..<3 {
          let at = 3 * (row * width + column) + k
          if column + 1 < width { sum += abs(Int(bytes[at]) - Int(bytes[at + 3])) }
          if row + 1 < height { sum += abs(Int(bytes[at]) - Int(bytes[at + 3 * width])) }
        }
      }
    }
    return Double(sum) / Double(count)
  }
}
