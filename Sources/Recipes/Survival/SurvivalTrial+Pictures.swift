// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport

extension SurvivalPooling.Trial {
  /// The two groups' survival over time: below the median in green, above in red.
  func curves() throws -> Picture {
    let (width, height) = (480, 240)
    var bytes = [UInt8](repeating: 255, count: width * height * 3)
    let last = set.watched.times.max() ?? 1
    func paint(_ x: Int, _ y: Int, _ color: [UInt8]) {
      guard (0..<width).contains(x), (0..<height).contains(y) else { return }
      for channel in 0..<3 { bytes[(y * width + x) * 3 + channel] = color[channel] }
    }
    for quarter in 0...4 {
      let y = quarter * (height - 1) / 4
      for x in 0..<width { paint(x, y, [225, 225, 225]) }
    }
    for (group, color) in [(below, [20, 130, 60]), (above, [200, 40, 40])] as [([Int], [UInt8])] {
      let curve = SurvivalCurve(set.watched.chosen(group))
      var before = 0
      for x in 0..<width {
        let share = curve(last * Double(x) / Double(width - 1))
        let y = Int(((1 - share) * Double(height - 2)).rounded())
        for level in min(before, y)...max(before, y) {
          paint(x, level, color)
          paint(x, level + 1, color)
        }
        before = y
      }
    }
    return try Picture(width: width, height: height, bytes: bytes)
  }

  /// The tiles of one held-out patient that give each prototype most; nil where the model transports
  /// none.
  func mosaic(of images: LabeledImages) throws -> Picture? {
    let first = folds[0][0]
    guard let bags, let plan = try plans(of: models[0].model, for: [first], share: 1)?.first?.plan
    else { return nil }
    let k = BagModel.prototypeCount
    let (across, side) = (min(14, plan.rowCount), images.width)
    let width = across * side
    var bytes = [UInt8](repeating: 0, count: width * k * images.height * 3)
    for prototype in 0..<k {
      let order = (0..<plan.rowCount).sorted {
        (-plan[$0, prototype], $0) < (-plan[$1, prototype], $1)
      }
      for (place, tile) in order.prefix(across).enumerated() {
        let pixels = images[bags.pictures[first][tile]]
        for (at, pixel) in pixels.enumerated() {
          let row = prototype * images.height + at / side
          let start = (row * width + place * side + at % side) * 3
          for channel in 0..<3 { bytes[start + channel] = UInt8(255 * pixel) }
        }
      }
    }
    return try Picture(width: width, height: k * images.height, bytes: bytes)
  }
}
