// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Points as short codes: each part of a point's coordinates is replaced by the number of its nearest
/// codeword (product quantization; Jégou, Douze and Schmid 2011).
public struct ProductQuantizer: Sendable, Equatable {
  /// The codewords of each part, `[codewords, d / parts]`.
  public let codebooks: [Points]

  /// Codewords of a part at most: a code is a byte.
  public static let codewordsMax = 256

  /// A quantizer of given codewords, one set for each part.
  ///
  /// - Throws: `.shapeMismatch` where sets differ in their count or dimensions, or there is none;
  ///   `.badSetting` for more than `codewordsMax` codewords.
  public init(codebooks: [Points]) throws(TransportError) {
    guard let first = codebooks.first,
      codebooks.allSatisfy({ $0.count == first.count && $0.dimensions == first.dimensions })
    else {
      throw TransportError(
        .shapeMismatch, "\(codebooks.count) codebooks of several sizes", at: "product quantizer",
        remedy: "Give at least one, all of as many codewords of as many dimensions.")
    }
    guard first.count <= Self.codewordsMax else {
      throw TransportError(
        .badSetting, "\(first.count) codewords", at: "product quantizer",
        remedy: "Give at most \(Self.codewordsMax): a code is a byte.")
    }
    self.codebooks = codebooks
  }

  /// How many parts a point has.
  public var parts: Int { codebooks.count }
  /// How many codewords each part has.
  public var codewords: Int { codebooks[0].count }
  /// Coordinates of a point.
  public var dimensions: Int { parts * codebooks[0].dimensions }

  /// Each point's codes, `[n, parts]`: of each part the nearest codeword, the first of equal ones.
  ///
  /// - Throws: `.shapeMismatch` for points of other dimensions, `.badCost` for one without a finite
  ///   distance to a codeword, `.cancelled`.
  public func codes(of points: Points) throws(TransportError) -> [UInt8] {
    try require(points.dimensions)
    var codes = [UInt8](repeating: 0, count: points.count * parts)
    for part in 0..<parts {
      let nearest = try Self.nearest(
        PointCloud(Self.slice(points, part, of: parts), codebooks[part]))
      for i in 0..<points.count { codes[i * parts + part] = UInt8(nearest[i]) }
    }
    return codes
  }

  /// The points that codes stand for.
  ///
  /// - Throws: `.shapeMismatch` for codes that are no whole number of points, at least one, or name no
  ///   codeword.
  public func decoded(_ codes: [UInt8]) throws(TransportError) -> Points {
    try require(whole: codes)
    if let bad = codes.first(where: { Int($0) >= codewords }) { throw unknown(Int(bad)) }
    return try Points(
      codes.indices.flatMap { codebooks[$0 % parts][Int(codes[$0])] }, dimensions: dimensions)
  }

  /// Which points are near.
  public enum Nearness: Sendable {
    /// Those at the least squared distance.
    case distance
    /// Those of the greatest inner product, as encoders of texts are trained for.
    case product
  }

  /// A point that was found.
  public struct Found: Sendable, Equatable {
    /// Its place among the coded points.
    public let index: Int
    /// The squared distance to what its code stands for; by products minus the product, so that less
    /// is nearer.
    public let distance: Double
  }

  /// The coded points nearest to a query, which is not coded itself: distances are sums over a table of
  /// the query's parts and their codewords. O(d codewords + n parts) but for points that come nearer
  /// than all before them, each of which is sorted in among `count`.
  ///
  /// - Parameters:
  ///   - among: places of the points that count; nil is all.
  ///   - nearness: which points are near.
  /// - Returns: at most `count`, the nearest first, of equal ones the first.
  /// - Throws: `.shapeMismatch` for a query, codes or places that do not fit, `.badPoint` for a query
  ///   that is not finite, `.badCost` where no distance from it is, `.cancelled`.
  public func search(
    _ query: [Double], in codes: [UInt8], count: Int, among: [Int]? = nil,
    by nearness: Nearness = .distance
  ) throws(TransportError) -> [Found] {
    try require(whole: codes)
    try checkCancelled("product quantizer")
    let table = try table(of: query, by: nearness)
    var few = NearestFew(count)
    if let among {
      let count = codes.count / parts
      if let bad = among.first(where: { !(0..<count).contains($0) }) {
        throw TransportError(
          .shapeMismatch, "the place \(bad) among \(count) coded points", at: "product quantizer",
          remedy: "Give places from 0 on, each below the count of points.")
      }
      try scan(among, in: codes, table, into: &few)
    } else {
      try scan(0..<codes.count / parts, in: codes, table, into: &few)
    }
    return try few.found()
  }

  /// Offers points of a coded set, given by their places, to those that are near.
  func scan(
    _ places: some Sequence<Int>, in codes: [UInt8], _ table: [Double],
    into few: inout NearestFew
  ) throws(TransportError) {
    let (codes, table) = (codes.span, table.span)
    let (parts, codewords) = (parts, codewords)
    for place in places {
      var sum = 0.0
      for part in 0..<parts {
        let code = Int(codes[place * parts + part])
        guard code < codewords else { throw unknown(code) }
        sum += table[part * codewords + code]
      }
      few.offer(Found(index: place, distance: sum))
    }
  }

  /// Of each part and codeword what it adds to a distance, `[parts, codewords]`.
  ///
  /// - Throws: `.shapeMismatch`, `.badPoint`.
  func table(
    of query: [Double], by nearness: Nearness
  ) throws(TransportError) -> [Double] {
    try require(query.count)
    if let bad = query.firstIndex(where: { !$0.isFinite }) {
      throw TransportError(
        .badPoint, "coordinate \(bad) is \(query[bad])", at: "query",
        remedy: "Give finite coordinates.")
    }
    let width = codebooks[0].dimensions
    var table = [Double](repeating: 0, count: parts * codewords)
    for part in 0..<parts {
      for word in 0..<codewords {
        var sum = 0.0
        for k in 0..<width {
          let (x, y) = (
            query[part * width + k], codebooks[part].coordinates[word * width + k]
          )
          switch nearness {
          case .distance: sum += (x - y) * (x - y)
          case .product: sum -= x * y
          }
        }
        table[part * codewords + word] = sum
      }
    }
    return table
  }

  private func require(_ dimensions: Int) throws(TransportError) {
    guard dimensions == self.dimensions else {
      throw TransportError(
        .shapeMismatch, "\(dimensions) coordinates for \(self.dimensions)",
        at: "product quantizer", remedy: "Give points like those that taught it.")
    }
  }

  private func require(whole codes: [UInt8]) throws(TransportError) {
    guard !codes.isEmpty, codes.count % parts == 0 else {
      throw TransportError(
        .shapeMismatch, "\(codes.count) codes for points of \(parts) parts",
        at: "product quantizer", remedy: "Give one code for each part of each point.")
    }
  }

  private func unknown(_ code: Int) -> TransportError {
    TransportError(
      .shapeMismatch, "the code \(code) for \(codewords) codewords", at: "product quantizer",
      remedy: "Give codes that it made.")
  }

  /// The coordinates of one part.
  static func slice(
    _ points: Points, _ part: Int, of parts: Int
  ) throws(TransportError) -> Points {
    let width = points.dimensions / parts
    return try Points(
      (0..<points.count).flatMap { i in
        let start = i * points.dimensions + part * width
        return points.coordinates[start..<start + width]
      }, dimensions: width)
  }

  /// Each row's cheapest column, the first of equal ones.
  ///
  /// - Throws: `.badCost` for a row without a finite cost, `.cancelled`.
  static func nearest(_ geometry: any CostGeometry) throws(TransportError) -> [Int] {
    var source = RowSource(geometry)
    let none = [Double](repeating: 0, count: geometry.columnCount)
    var found: [Int] = []
    found.reserveCapacity(geometry.rowCount)
    for i in 0..<geometry.rowCount {
      if i & 255 == 0 { try checkCancelled("product quantizer") }
      source.load(i)
      guard let least = CostKernels.least(source.current, minus: none.span) else {
        throw TransportError(
          .badCost, "no cost is finite", at: "point \(i)", remedy: "Scale the points down.")
      }
      found.append(least.index)
    }
    return found
  }
}
