// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How other machines reach this one.
enum MachineAddress {
  /// A host for the join line: the given one, or for a wildcard this machine's name or address.
  static func reachable(from host: String) -> String {
    guard host.isEmpty || host == "0.0.0.0" || host == "::" else { return host }
    let addresses = Host.current().addresses.filter { !$0.contains(":") && !$0.hasPrefix("127.") }
    return addresses.sorted().first ?? "127.0.0.1"
  }
}
