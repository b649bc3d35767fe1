// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The network laboratory that a test runs in: `Tools/netlab/netlab run … -- swift test`.
enum Laboratory {
  static let addresses =
    ProcessInfo.processInfo.environment["NETLAB_ADDRESSES"]?.split(separator: ",").map(String.init)
    ?? []

  static var isHere: Bool { !addresses.isEmpty }

  /// Beside the sources.
  static let program = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().appending(path: "../../../Tools/netlab/netlab").standardized.path

  /// Says a line to the emulator: `cut 1 2,3 both`.
  static func control(_ line: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = ["control"] + line.split(separator: " ").map(String.init)
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "netlab control \(line)")
  }
}
