// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A resolved address: the kernel's `sockaddr`, as bytes.
package struct SocketAddress: Sendable, Hashable {
  let bytes: [UInt8]
  let family: Int32

  package enum Lookup {
    /// Asks name servers, which may take seconds.
    case name
    /// Takes numbers alone, and never waits.
    case numeric
  }

  /// The addresses of a host, best first.
  ///
  /// - Parameter host: a name, an IPv4 or an IPv6 address; empty for all of this machine's.
  /// - Returns: nil with `.numeric` when the host is a name.
  /// - Throws: the resolver's reason, as text.
  package static func resolve(
    _ address: PeerAddress, _ lookup: Lookup
  ) -> Result<[SocketAddress], SystemText> {
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    #if canImport(Glibc)
      unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      unsafe hints.ai_socktype = SOCK_STREAM
    #endif
    unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV | (lookup == .numeric ? AI_NUMERICHOST : 0)
    // SAFETY: the list that getaddrinfo makes is walked by its own links, each address copied by
    // its own length, and freed once.
    var list: UnsafeMutablePointer<addrinfo>?
    let host: String? = address.host.isEmpty ? nil : address.host
    let status = unsafe getaddrinfo(host, String(address.port), &hints, &list)
    guard status == 0 else {
      return .failure(
        SystemText(unsafe String(cString: gai_strerror(status)), mayPass: status == EAI_AGAIN))
    }
    defer { unsafe freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      let bytes = unsafe UnsafeRawBufferPointer(
        start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
      unsafe found.append(SocketAddress(bytes: Array(bytes), family: entry.pointee.ai_family))
      unsafe next = entry.pointee.ai_next
    }
    return .success(found)
  }

  /// The address with its host in numbers.
  package var peerAddress: PeerAddress? {
    var host = [CChar](repeating: 0, count: 64)
    var port = [CChar](repeating: 0, count: 8)
    // SAFETY: both texts are given with their own sizes, and getnameinfo ends them with a zero.
    let status = unsafe bytes.withUnsafeBytes { raw in
      unsafe getnameinfo(
        raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count),
        &host, socklen_t(host.count), &port, socklen_t(port.count),
        NI_NUMERICHOST | NI_NUMERICSERV)
    }
    guard status == 0, let number = UInt16(Self.text(port)) else { return nil }
    let name = Self.text(host)
    // A dual-stack listener sees IPv4 peers as ::ffff:a.b.c.d.
    let mapped = "::ffff:"
    return PeerAddress(
      host: name.hasPrefix(mapped) && name.contains(".")
        ? String(name.dropFirst(mapped.count)) : name, port: number)
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A message of the C library.
  package struct SystemText: Error, Equatable, CustomStringConvertible {
    package let description: String
    /// The name servers may know it later.
    let mayPass: Bool

    init(_ description: String, mayPass: Bool) {
      self.description = description
      self.mayPass = mayPass
    }
  }
}
