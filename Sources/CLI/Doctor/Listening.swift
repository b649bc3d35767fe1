// SPDX-License-Identifier: Apache-2.0

import FlyingSocks
import Foundation

/// Tries out addresses without speaking any protocol.
enum Listening {
  /// Binds and lets go again.
  ///
  /// - Throws: `SocketError` when the address is taken or not of this machine.
  static func probe(_ address: HostPort) throws {
    switch try resolve(address) {
    case .v4(let one): try probe(one)
    case .v6(let one): try probe(one)
    }
  }

  private static func probe(_ address: some SocketAddress) throws {
    let socket = try Socket(domain: Int32(type(of: address).family), type: .stream)
    defer { try? socket.close() }
    // As the run itself does: a port in TIME_WAIT may be taken again.
    try socket.setValue(true, for: .localAddressReuse)
    try socket.bind(to: address)
    try socket.listen()
  }

  /// Connects and closes again.
  static func connect(_ address: HostPort, secondsMax: Double) async throws {
    let socket =
      switch try resolve(address) {
      case .v4(let one): try await AsyncSocket.connected(to: one, timeout: secondsMax)
      case .v6(let one): try await AsyncSocket.connected(to: one, timeout: secondsMax)
      }
    try? socket.close()
  }

  private enum Resolved {
    case v4(sockaddr_in)
    case v6(sockaddr_in6)
  }

  private static func resolve(_ address: HostPort) throws -> Resolved {
    var hosts = [address.host]
    let isLiteral =
      address.host.contains(":") || address.host.utf8.allSatisfy { $0 == 46 || (48...57) ~= $0 }
    if !isLiteral { hosts = Host(name: address.host).addresses }
    for host in hosts {
      if let v4 = try? sockaddr_in.inet(ip4: host, port: address.port) { return .v4(v4) }
      if let v6 = try? sockaddr_in6.inet6(ip6: host, port: address.port) { return .v6(v6) }
    }
    throw SocketError.unsupportedAddress
  }
}
