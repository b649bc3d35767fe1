// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What is special about a socket whose two ends are on one machine: the same bytes for half of what
/// TCP over loopback takes of the processor, and sooner.
///
/// A listener has a second door in Linux's abstract namespace, named after the address at which it
/// listens; whoever dials that address on the same machine finds it there. The names are those of
/// one network namespace, as addresses are. Elsewhere than on Linux there is none, and TCP it is.
struct LocalEnd: Sendable {
  /// The address that TCP would show at the other end; nil where it is not known.
  let standsFor: PeerAddress?

  /// The kernel's buffer, if it allows so much: some records, so that both ends work at once.
  static let bufferBytes: Int32 = 1 << 20

  init(standsFor: PeerAddress?) { self.standsFor = standsFor }

  /// Of a caller at the second door, who has named itself after the address it dialled.
  init(of descriptor: Int32) {
    let name = unsafe Socket.address(of: descriptor) { unsafe getpeername($0, $1, $2) }
    let words = name?.abstractName?.split(separator: " ") ?? []
    let isNamed = words.count == 4 && words[1] == "from"
    standsFor = isNamed ? PeerAddress(host: String(words[2]), port: 0) : nil
  }
}

extension Socket {
  /// The second door of a listener; nil where there is none to be had.
  package static func localListener(beside listener: Socket, backlog: Int) -> Socket? {
    guard let address = listener.localAddress, let name = doorName(of: address),
      let made = make(name.family, local: LocalEnd(standsFor: address)),
      made.listens(at: name, backlog: backlog)
    else { return nil }
    return made
  }

  /// A socket to the second door of whoever listens at an address of this machine; nil where nobody
  /// does, or somebody of another user.
  package static func connectingLocally(to address: SocketAddress) -> Socket? {
    guard let there = address.peerAddress, !there.host.isEmpty else { return nil }
    var doors = [doorName(of: there)]
    if isOfThisMachine(there.host) {
      // One that listens at every address.
      doors += ["::", "0.0.0.0"].map { doorName(of: PeerAddress(host: $0, port: there.port)) }
    }
    for case let door? in doors {
      guard let made = make(door.family, local: LocalEnd(standsFor: there)) else { return nil }
      if let name = SocketAddress(
        abstractName: "ferry from \(there.host) \(getpid()).\(made.descriptor)")
      {
        // Without it the other side knows no address of its caller: an inconvenience alone.
        _ = made.takes(name)
      }
      if made.reaches(door), made.isAnsweredByOwnUser { return made }
    }
    return nil
  }

  private static func doorName(of address: PeerAddress) -> SocketAddress? {
    SocketAddress(abstractName: "ferry at \(address.host) \(address.port)")
  }

  /// Whether an address, in numbers, is one of this machine's: only those can be listened at.
  private static func isOfThisMachine(_ host: String) -> Bool {
    guard
      case .success(let found) = SocketAddress.resolve(
        PeerAddress(host: host, port: 0), .numeric), let address = found.first
    else { return false }
    return make(address.family)?.takes(address) ?? false
  }

  /// Names are anybody's to take: a door that another user has opened is not our peer's.
  private var isAnsweredByOwnUser: Bool {
    #if os(Linux)
      // Linux's struct ucred: process, user and group.
      var credentials: [UInt32] = [0, 0, 0]
      let byteCount = socklen_t(3 * MemoryLayout<UInt32>.size)
      var size = byteCount
      // SAFETY: the kernel writes at most `size` bytes, which the array has.
      let status = unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size)
      return status == 0 && size == byteCount && credentials[1] == geteuid()
    #else
      return false
    #endif
  }
}

extension SocketAddress {
  /// Where a name begins: after the family, and the zero that makes it abstract.
  private static let nameAt = MemoryLayout<sa_family_t>.size + 1
  private static let nameBytesMax = 100

  /// A name in Linux's abstract namespace; nil elsewhere, and for names too long.
  init?(abstractName name: String) {
    #if os(Linux)
      let text = Array(name.utf8)
      guard text.count <= Self.nameBytesMax else { return nil }
      let family = UInt16(AF_UNIX)
      // In the order of the bytes of all machines that Linux and Swift share.
      self.init(
        bytes: [UInt8(truncatingIfNeeded: family), UInt8(family >> 8), 0] + text,
        family: Int32(AF_UNIX))
    #else
      return nil
    #endif
  }

  /// The name, where it is one.
  var abstractName: String? {
    guard bytes.count > Self.nameAt, bytes[Self.nameAt - 1] == 0 else { return nil }
    return String(validating: bytes[Self.nameAt...], as: UTF8.self)
  }
}
