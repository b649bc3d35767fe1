// SPDX-License-Identifier: Apache-2.0

/// The cost between labeled samples: `‖x − x'‖² + w W₂²(N_y, N_y')`, where `N_y` is the normal
/// distribution of the features of y's class (OTDD; Alvarez-Melis and Fusi 2020, equation 6).
///
/// Labels of the two sides need not mean the same.
public struct LabeledCost: CostGeometry {
  private let cloud: PointCloud
  private let rowClasses: [Int]
  private let columnClasses: [Int]
  /// `[row classes, column classes]`: what each pair of classes adds.
  private let between: [Double]
  private let columnClassCount: Int

  /// - Parameters:
  ///   - sourceLabels: `[n]`, any numbers.
  ///   - targetLabels: `[m]`.
  ///   - weight: w, at least 0.
  /// - Throws: `.shapeMismatch` for counts that do not fit, `.badSetting` for the weight; else as
  ///   `Gaussian`.
  public init(
    _ sources: Points, labels sourceLabels: [Int], _ targets: Points, labels targetLabels: [Int],
    weight: Double = 1
  ) throws(TransportError) {
    guard sourceLabels.count == sources.count, targetLabels.count == targets.count else {
      throw TransportError(
        .shapeMismatch,
        "\(sourceLabels.count) and \(targetLabels.count) labels for \(sources.count) sources and"
          + " \(targets.count) targets", at: "labeled cost", remedy: "Give each sample its label.")
    }
    guard weight >= 0, weight.isFinite else {
      throw TransportError(
        .badSetting, "the labels' weight is \(weight)", at: "labeled cost",
        remedy: "Give a weight of at least 0; 1 is usual.")
    }
    cloud = try PointCloud(sources, targets)
    let (rows, rowClasses) = try Self.classes(sources, sourceLabels)
    let (columns, columnClasses) = try Self.classes(targets, targetLabels)
    self.rowClasses = rowClasses
    self.columnClasses = columnClasses
    columnClassCount = columns.count
    var between: [Double] = []
    for row in rows {
      for column in columns { between.append(weight * (try row.squaredDistance(to: column))) }
    }
    self.between = between
  }

  /// The classes' distributions in the order of their labels, and the class of each sample.
  private static func classes(
    _ points: Points, _ labels: [Int]
  ) throws(TransportError) -> (all: [Gaussian], of: [Int]) {
    let known = Set(labels).sorted()
    var all: [Gaussian] = []
    for label in known {
      let own = labels.indices.filter { labels[$0] == label }
      all.append(try Gaussian(of: points.chosen(own)))
    }
    let place = Dictionary(uniqueKeysWithValues: known.enumerated().map { ($0.element, $0.offset) })
    return (all, labels.map { place[$0]! })
  }

  public var rowCount: Int { cloud.rowCount }
  public var columnCount: Int { cloud.columnCount }

  public func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    cloud.fillRow(row, into: &costs)
    let start = rowClasses[row] * columnClassCount
    for j in costs.indices { costs[j] += between[start + columnClasses[j]] }
  }
}
