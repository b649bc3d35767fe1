// SPDX-License-Identifier: Apache-2.0

import Foundation

extension LabeledImages {
  /// Each turned about its center against the clock, brightness between pixels taken linearly from
  /// the four around; what comes from outside is black.
  public func rotated(degrees: Double) -> LabeledImages {
    let angle = degrees * .pi / 180
    let (cosine, sine) = (cos(angle), sin(angle))
    let (middleX, middleY) = (Double(width - 1) / 2, Double(height - 1) / 2)
    /// For each new pixel the old ones with their shares.
    var sources: [[(pixel: Int, share: Double)]] = []
    for y in 0..<height {
      for x in 0..<width {
        let (right, down) = (Double(x) - middleX, Double(y) - middleY)
        let fromX = middleX + cosine * right - sine * down
        let fromY = middleY + sine * right + cosine * down
        let (left, top) = (fromX.rounded(.down), fromY.rounded(.down))
        let parts = [
          (left, top, (left + 1 - fromX) * (top + 1 - fromY)),
          (left + 1, top, (fromX - left) * (top + 1 - fromY)),
          (left, top + 1, (left + 1 - fromX) * (fromY - top)),
          (left + 1, top + 1, (fromX - left) * (fromY - top)),
        ]
        sources.append(
          parts.compactMap { x, y, share in
            let isInside = x >= 0 && y >= 0 && x < Double(width) && y < Double(height)
            return isInside && share > 0 ? (Int(y) * width + Int(x), share) : nil
          })
      }
    }
    var out: [Double] = []
    out.reserveCapacity(features.count)
    for index in 0..<count {
      let start = index * dimensions
      for parts in sources {
        out.append(parts.reduce(0) { $0 + $1.share * features[start + $1.pixel] })
      }
    }
    return LabeledImages(width: width, height: height, features: out, labels: labels)
  }

  /// Each with its brightness times a factor.
  public func dimmed(by factor: Double) -> LabeledImages {
    LabeledImages(
      width: width, height: height, features: features.map { factor * $0 }, labels: labels)
  }
}
