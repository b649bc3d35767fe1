// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Foundation

/// What `Tools/golden/transport.py` wrote with POT and SciPy.
enum Golden {
  struct Cases<Case: Decodable>: Decodable {
    let cases: [Case]
  }

  /// The cases of a section.
  static func cases<Case: Decodable>(_ section: String, as: Case.Type) throws -> [Case] {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/Transport/\(section).json")
    return try JSONDecoder().decode(Cases<Case>.self, from: Data(contentsOf: file)).cases
  }
}
