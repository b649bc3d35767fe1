// SPDX-License-Identifier: Apache-2.0

package import FerryBasics

/// What slides are cut from: pictures of digits, and after them the same pictures spoilt by noise or
/// blur, with their features and the thickness of their strokes.
package struct DigitSlides: Sendable {
  /// Clean pictures, then each of them spoilt.
  package let images: LabeledImages
  /// Of each picture, its digit the label; the number of squares that add up to 1 in the mean.
  let features: LabeledFeatures
  /// How thick the strokes of clean pictures are, in deviations from the mean of their digit.
  package let thickness: [Double]
  /// How many clean pictures there are.
  package let cleanCount: Int

  /// Features of a tile: principal components of clean pictures.
  static let width = 64

  package init(_ clean: LabeledImages, using chance: inout SplitMix64) {
    let spoilt = clean.spoilt(using: &chance)
    images = LabeledImages(
      width: clean.width, height: clean.height, features: clean.features + spoilt.features,
      labels: clean.labels + spoilt.labels)
    cleanCount = clean.count
    let axes = LeadingSpace(
      clean.features, dimensions: clean.dimensions, count: Self.width, using: &chance)
    let numbers = axes(images.features)
    let own = numbers.prefix(clean.count * axes.count)
    let scale = (Double(own.count) / own.reduce(0) { $0 + $1 * $1 }).squareRoot()
    features = LabeledFeatures(
      features: numbers.map { scale * $0 }, labels: images.labels, dimensions: axes.count)
    var byDigit: [Int: MeanWithSpread] = [:]
    let raw = (0..<clean.count).map { clean.strokeThickness(of: $0) }
    for (digit, one) in zip(clean.labels, raw) {
      byDigit[digit, default: MeanWithSpread()].add(one)
    }
    thickness = zip(clean.labels, raw).map { digit, one in
      let all = byDigit[digit]!
      return all.deviation > 0 ? (one - all.mean) / all.deviation : 0
    }
  }
}

extension LabeledImages {
  /// Every picture spoilt, one in two by noise, the others by blur, so that its digit can hardly be
  /// seen.
  package func spoilt(using chance: inout SplitMix64) -> LabeledImages {
    var out: [Double] = []
    out.reserveCapacity(features.count)
    for index in 0..<count {
      if Bool.random(using: &chance) {
        for pixel in self[index] { out.append(min(1, max(0, pixel + 0.5 * chance.normal()))) }
      } else {
        out += blurred(index, reach: 4)
      }
    }
    return LabeledImages(width: width, height: height, features: out, labels: labels)
  }

  /// One picture with each pixel the mean of the square around it, black outside.
  private func blurred(_ index: Int, reach: Int) -> [Double] {
    let pixels = Array(self[index])
    let area = Double((2 * reach + 1) * (2 * reach + 1))
    /// Sums along one axis and then along the other.
    func summed(_ from: [Double], stepX: Int, stepY: Int) -> [Double] {
      (0..<from.count).map { at in
        let (x, y) = (at % width, at / width)
        return (-reach...reach).reduce(0) { sum, step in
          let (column, row) = (x + step * stepX, y + step * stepY)
          let isInside = (0..<width).contains(column) && (0..<height).contains(row)
          return isInside ? sum + from[row * width + column] : sum
        }
      }
    }
    return summed(summed(pixels, stepX: 1, stepY: 0), stepX: 0, stepY: 1).map { $0 / area }
  }

  /// About how many pixels wide strokes are: twice the bright pixels over those of them at the rim; 0
  /// of a dark picture.
  package func strokeThickness(of index: Int) -> Double {
    let pixels = Array(self[index])
    func isBright(_ x: Int, _ y: Int) -> Bool {
      (0..<width).contains(x) && (0..<height).contains(y) && pixels[y * width + x] > 0.5
    }
    var (bright, rim) = (0, 0)
    for y in 0..<height {
      for x in 0..<width where isBright(x, y) {
        bright += 1
        let isWithin =
          isBright(x - 1, y) && isBright(x + 1, y) && isBright(x, y - 1) && isBright(x, y + 1)
        if !isWithin { rim += 1 }
      }
    }
    return rim > 0 ? 2 * Double(bright) / Double(rim) : 0
  }
}
