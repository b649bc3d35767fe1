// SPDX-License-Identifier: Apache-2.0

public import FerryOptimalTransport

/// Gray pictures of one size, each with the number of its class.
public struct LabeledImages: Sendable, Equatable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// Brightness from 0 to 1, `[count, height · width]`, picture after picture, row after row.
  public let features: [Double]
  /// The classes, from 0 on, `[count]`.
  public let labels: [Int]

  /// How many there are.
  public var count: Int { labels.count }
  /// Pixels of each.
  public var dimensions: Int { width * height }

  init(width: Int, height: Int, features: [Double], labels: [Int]) {
    self.width = width
    self.height = height
    self.features = features
    self.labels = labels
  }

  /// Pictures as lines of pixels from 0 on, the label last.
  ///
  /// - Parameters:
  ///   - brightest: what becomes 1.
  ///   - place: the file, for errors.
  /// - Throws: `.dataDamaged` for a line that does not fit, a pixel that is brighter, or no line.
  public init(
    csv bytes: [UInt8], width: Int, height: Int, brightest: Int, place: String
  ) throws(RecipeError) {
    let columns = width * height + 1
    let numbers = try TextNumbers(bytes, columns: columns, place: place)
    var features: [Double] = []
    features.reserveCapacity(numbers.lineCount * (columns - 1))
    var labels: [Int] = []
    for line in 0..<numbers.lineCount {
      let row = numbers.values[line * columns..<(line + 1) * columns]
      if let wrong = row.dropLast().first(where: { $0 > brightest }) {
        throw RecipeError(
          .dataDamaged, "the pixel \(wrong) is brighter than \(brightest)",
          at: "\(place), line \(line + 1)", remedy: "Pixels go from 0 to \(brightest).")
      }
      for pixel in row.dropLast() { features.append(Double(pixel) / Double(brightest)) }
      labels.append(row.last!)
    }
    guard !labels.isEmpty else {
      throw RecipeError(
        .dataDamaged, "there is no picture in it", at: place,
        remedy: "Give a line of pixels and a label for each picture.")
    }
    self.init(width: width, height: height, features: features, labels: labels)
  }

  /// The pixels of one picture.
  public subscript(index: Int) -> ArraySlice<Double> {
    features[index * dimensions..<(index + 1) * dimensions]
  }

  /// Some of them, in this order.
  public func chosen(_ indices: [Int]) -> LabeledImages {
    LabeledImages(
      width: width, height: height, features: indices.flatMap { self[$0] },
      labels: indices.map { labels[$0] })
  }

  /// All of them as points of `dimensions` coordinates.
  ///
  /// - Throws: `.shapeMismatch` where there are none.
  public func points() throws(TransportError) -> Points {
    try Points(features, dimensions: dimensions)
  }

  /// The same with fewer pixels: each is the mean over its part of the picture, pixels that lie
  /// in two parts shared by area.
  public func averaged(width newWidth: Int, height newHeight: Int) -> LabeledImages {
    let across = Self.shares(from: width, to: newWidth)
    let down = Self.shares(from: height, to: newHeight)
    var out: [Double] = []
    out.reserveCapacity(count * newWidth * newHeight)
    for index in 0..<count {
      let start = index * dimensions
      for rows in down {
        for columns in across {
          var sum = 0.0
          for (y, high) in rows {
            for (x, wide) in columns { sum += high * wide * features[start + y * width + x] }
          }
          out.append(sum)
        }
      }
    }
    return LabeledImages(width: newWidth, height: newHeight, features: out, labels: labels)
  }

  /// For each new pixel the old ones in it with their shares, which add up to 1.
  private static func shares(from old: Int, to new: Int) -> [[(Int, Double)]] {
    let step = Double(old) / Double(new)
    return (0..<new).map { at in
      let (low, high) = (Double(at) * step, Double(at + 1) * step)
      return (Int(low)..<min(old, Int(high.rounded(.up)))).compactMap { pixel in
        let part = min(high, Double(pixel + 1)) - max(low, Double(pixel))
        return part > 1e-12 ? (pixel, part / step) : nil
      }
    }
  }
}

extension DataShelf {
  /// The pictures of `digits8` (8 × 8) or `mnist5k` (28 × 28).
  ///
  /// - Throws: `.dataMissing`, `.dataDamaged`.
  public func images(_ item: DataItem) throws(RecipeError) -> LabeledImages {
    let side = item == .mnist5k ? 28 : 8
    return try LabeledImages(
      csv: bytes(of: item.files[0], in: item), width: side, height: side,
      brightest: item == .mnist5k ? 255 : 16, place: path(of: item.files[0], in: item))
  }
}
