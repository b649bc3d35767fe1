// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Foundation

/// Where a machine keeps who it is.
enum IdentityPlace {
  /// `$XDG_CONFIG_HOME/ferry`, or `~/.config/ferry`.
  static func home(environment: [String: String]) -> String {
    if let config = environment["XDG_CONFIG_HOME"], config.hasPrefix("/") {
      return "\(config)/ferry"
    }
    return "\(environment["HOME"] ?? NSHomeDirectory())/.config/ferry"
  }

  /// The identity in a folder, made on first use; nil takes this machine's.
  ///
  /// - Throws: `PeersError` when it cannot be read or made, or others can read it.
  static func identity(folder: String?) throws(PeersError) -> Identity {
    try Identity.kept(
      inFolder: folder ?? home(environment: ProcessInfo.processInfo.environment))
  }
}
