// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Foundation

/// A small picture: red, green and blue of each pixel, row after row.
public struct Picture: Sendable, Equatable {
  /// Pixels across.
  public let width: Int
  /// Pixels down.
  public let height: Int
  /// `[height, width, 3]`.
  public let bytes: [UInt8]

  /// - Throws: `.badPicture` where there are not width × height × 3 bytes, at least one pixel.
  public init(width: Int, height: Int, bytes: [UInt8]) throws(RecipeError) {
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard width > 0, height > 0, !overflow, pixels <= Int.max / 3, bytes.count == pixels * 3 else {
      throw RecipeError(
        .badPicture, "\(bytes.count) bytes for \(width) × \(height) pixels", at: "picture",
        remedy: "Give 3 bytes for each pixel, and at least one pixel.")
    }
    self.width = width
    self.height = height
    self.bytes = bytes
  }

  /// From what a source file holds.
  init(width: Int, height: Int, base64: String) {
    let bytes = Data(base64Encoded: base64).map { [UInt8]($0) } ?? []
    precondition(bytes.count == 3 * width * height, "\(bytes.count) bytes in a source file")
    self.width = width
    self.height = height
    self.bytes = bytes
  }

  /// How many pixels there are.
  public var count: Int { width * height }

  /// Colors from 0 to 1, `[count, 3]`.
  ///
  /// - Parameter dither: added to each, in steps of 1/255: what quantization took away.
  func colors(_ pixels: [Int], dither: () -> Double) throws -> Points {
    var colors: [Double] = []
    colors.reserveCapacity(3 * pixels.count)
    for pixel in pixels {
      for k in 0..<3 { colors.append((Double(bytes[3 * pixel + k]) + dither()) / 255) }
    }
    return try Points(colors, dimensions: 3)
  }

  /// The same picture in other colors, rounded and held to what a picture can show.
  func recolored(_ colors: Points) throws -> Picture {
    try Picture(
      width: width, height: height,
      bytes: colors.coordinates.map { UInt8(max(0, min(255, ($0 * 255).rounded()))) })
  }
}
