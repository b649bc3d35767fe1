// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation

extension ConditionalMonge {
  /// Threes and eights, turned and dimmed.
  struct Turn: Hashable {
    /// Against the clock.
    let degrees: Double
    /// The factor of brightness.
    let brightness: Double

    var contexts: [[[Float]]] { [[[Float(degrees / 50)], [Float(brightness)]]] }

    func callAsFunction(_ images: LabeledImages) -> LabeledImages {
      images.rotated(degrees: degrees).dimmed(by: brightness).averaged(width: 14, height: 14)
    }

    static let brightnesses = [1, 0.7]
    static let trained = turns([0, 10, 20, 30, 40, 50])
    /// Between those.
    static let heldOut = turns([25, 35])

    private static func turns(_ angles: [Double]) -> [Turn] {
      brightnesses.flatMap { factor in angles.map { Turn(degrees: $0, brightness: factor) } }
    }

    /// The two trained ones next to it.
    var neighbors: [Turn] {
      [-5, 5].map { Turn(degrees: degrees + $0, brightness: brightness) }
    }
  }

  /// Pictures as points: principal components of a mean variance of 1.
  private struct PictureSpace {
    static let dimensions = 30
    private let leading: LeadingSpace
    private let scale: Double

    init(_ features: [Double], pixels: Int, using chance: inout SplitMix64) {
      leading = LeadingSpace(
        features, dimensions: pixels, count: Self.dimensions, using: &chance)
      let places = leading(features)
      scale = (places.reduce(0) { $0 + $1 * $1 } / Double(places.count)).squareRoot()
    }

    func callAsFunction(_ images: LabeledImages) -> [Double] {
      leading(images.features).map { $0 / scale }
    }

    func pixels(_ points: [Double]) -> [Double] { leading.original(points.map { $0 * scale }) }
  }

  /// What came of digits turned by angles that were not trained.
  struct DigitsResult {
    /// Of one way, means over the turns held out.
    struct Score {
      var discrepancy = MeanWithSpread()
      var signature = MeanWithSpread()
      var moved = MeanWithSpread()
      /// The exact Monge gap over the mean cost; none where nothing is mapped.
      var gap: MeanWithSpread?
    }

    var names: [String] = []
    var scores: [String: Score] = [:]
    var seconds: [String: Double] = [:]
    var fits: [Variant: [Double]] = [:]
    var pictures: [(caption: String, picture: Picture)] = []
    var counts = (trained: 0, tested: 0)

    mutating func add(_ name: String, _ distance: PopulationDistance, gap: Double?) {
      if scores[name] == nil { names.append(name) }
      var score = scores[name] ?? Score()
      score.discrepancy.add(distance.discrepancy)
      score.signature.add(distance.signature)
      score.moved.add(distance.moved)
      if let gap {
        var gaps = score.gap ?? MeanWithSpread()
        gaps.add(gap)
        score.gap = gaps
      }
      scores[name] = score
    }
  }

  /// Names of what the map is compared with.
  static let asTheyAre = "as they are"
  static let nearestData = "digits of a trained angle next to it"
  static let nearestMap = "the map of a trained angle next to it"

  static func digits(_ run: RecipeRun) throws -> DigitsResult {
    let all = try run.data.images(.mnist5k)
    var chance = run.generator("digits")
    let own = splitOrder(of: DataItem.mnist5k.key, 0..<all.count).filter {
      [3, 8].contains(all.labels[$0])
    }
    let size = own.count * 2 / 5
    let sources = all.chosen(Array(own[..<size]))
    let others = all.chosen(Array(own[size..<2 * size]))
    let tests = all.chosen(Array(own[(2 * size)...]))
    let upright = Turn(degrees: 0, brightness: 1)
    let turned = Dictionary(uniqueKeysWithValues: Turn.trained.map { ($0, $0(others)) })
    let small = upright(sources)
    let space = PictureSpace(
      small.features + Turn.trained.flatMap { turned[$0]!.features }, pixels: small.dimensions,
      using: &chance)
    let task = MapTask(
      dimensions: PictureSpace.dimensions, sources: space(small).map { Float($0) },
      conditions: Turn.trained.map {
        .init(contexts: $0.contexts, targets: space(turned[$0]!).map { Float($0) })
      }, cost: .euclidean)
    let effort = MapTask.Effort(
      steps: run.size(smoke: 6, standard: 3000), batch: run.size(smoke: 16, standard: 256),
      rate: 1e-3)

    var result = DigitsResult()
    result.counts = (size, tests.count)
    let start = space(upright(tests))
    let singles = start.map { Float($0) }
    let truths = Turn.heldOut.map { space($0(tests)) }
    func score(
      _ name: String, isMap: Bool = false, _ found: (Turn) throws -> [Double]
    ) throws {
      for (turn, truth) in zip(Turn.heldOut, truths) {
        let found = try found(turn)
        result.add(
          name, try PopulationDistance(found, truth, dimensions: PictureSpace.dimensions),
          gap: isMap ? try share(start, found) : nil)
      }
    }
    try score(asTheyAre) { _ in start }
    // As many of the digits of the angle next to it as are tested: the better of both neighbors.
    func chosen(_ turn: Turn, _ points: (Turn) throws -> [Double]) throws -> [Double] {
      let truth = truths[Turn.heldOut.firstIndex(of: turn)!]
      let two = try turn.neighbors.map { next in
        let points = try points(next)
        let distance = try PopulationDistance(
          points, truth, dimensions: PictureSpace.dimensions)
        return (points: points, distance: distance.discrepancy)
      }
      return two.min { $0.distance < $1.distance }!.points
    }
    try score(nearestData) { turn in
      try chosen(turn) { Array(space(turned[$0]!).prefix(start.count)) }
    }
    var maps: [Variant: TrainedMap] = [:]
    for variant in Variant.allCases {
      let taught = variant == .conditional && run.subject == .baseline ? .unconditional : variant
      run.note("\(taught.rawValue): digits, \(Turn.trained.count) turns, \(effort.steps) steps")
      let map = try task.trained(
        taught, effort, seed: run.seed.derived("digit maps"), run: run)
      result.seconds[variant.rawValue] = map.seconds
      result.fits[variant] = map.fits
      maps[variant] = map
      if variant == .conditional {
        try score(nearestMap) { turn in
          try chosen(turn) { try map(singles, contexts: $0.contexts) }
        }
      }
      try score(variant.rawValue, isMap: true) { try map(singles, contexts: $0.contexts) }
    }
    let eight = 8 * PictureSpace.dimensions
    result.pictures = [("upright", try sheet(space.pixels(Array(start.prefix(eight)))))]
    for (turn, truth) in zip(Turn.heldOut, truths) where turn.brightness == 1 {
      let images = try maps[.conditional]!(singles, contexts: turn.contexts)
      let angle = "\(Int(turn.degrees))°"
      result.pictures += [
        ("mapped to \(angle)", try sheet(space.pixels(Array(images.prefix(eight))))),
        ("turned by \(angle)", try sheet(space.pixels(Array(truth.prefix(eight))))),
      ]
    }
    return result
  }

  /// The exact Monge gap over the mean cost.
  private static func share(_ points: [Double], _ images: [Double]) throws -> Double {
    let d = PictureSpace.dimensions
    let value = try MongeGap(cost: .euclidean)(
      Points(points, dimensions: d), Points(images, dimensions: d))
    return value.moved > 0 ? value.gap / value.moved : 0
  }

  /// Eight digits of 14 × 14 in two rows, each pixel drawn as 4 × 4.
  private static func sheet(_ features: [Double]) throws -> Picture {
    let (side, zoom, across) = (14, 4, 4)
    let count = features.count / (side * side)
    let (width, height) = (across * side * zoom, (count + across - 1) / across * side * zoom)
    var bytes: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        let (row, column) = (y / zoom, x / zoom)
        let digit = row / side * across + column / side
        let value =
          digit < count
          ? features[(digit * side + row % side) * side + column % side] : 0
        let gray = UInt8(max(0, min(255, (value * 255).rounded())))
        bytes += [gray, gray, gray]
      }
    }
    return try Picture(width: width, height: height, bytes: bytes)
  }
}
