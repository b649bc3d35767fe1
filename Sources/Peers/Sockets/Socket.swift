// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What came of moving bytes.
package enum Moved: Equatable {
  case bytes(Int)
  /// Nothing now; `poll` tells when.
  case wouldBlock
  /// The other side will send no more.
  case ended
  case failed(String)
}

/// A TCP socket that never blocks; closed when the last reference goes.
package final class Socket: Sendable {
  package let descriptor: Int32

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  #if canImport(Glibc)
    private static let stream = Int32(SOCK_STREAM.rawValue)
  #else
    private static let stream = SOCK_STREAM
  #endif

  private static func make(_ family: Int32) -> Socket? {
    let descriptor = socket(family, stream, 0)
    guard descriptor >= 0 else { return nil }
    let made = Socket(descriptor: descriptor)
    made.prepare()
    return made
  }

  private func prepare() {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    set(tcpLevel, TCP_NODELAY, 1)
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    #if canImport(Darwin)
      set(SOL_SOCKET, SO_NOSIGPIPE, 1)
    #endif
  }

  func set(_ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    // SAFETY: the option's value is an Int32 and its size is given.
    _ = unsafe setsockopt(
      descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Fixes the kernel's buffers; without this call the kernel sizes them itself, as it should on
  /// Linux, where a fixed size ends its own tuning.
  func fixBuffers(_ byteCount: Int) {
    set(SOL_SOCKET, SO_SNDBUF, Int32(clamping: byteCount))
    set(SOL_SOCKET, SO_RCVBUF, Int32(clamping: byteCount))
  }

  // MARK: Opening

  /// A socket that listens at `address`; port 0 means any free one.
  package static func listening(
    at address: SocketAddress, backlog: Int
  ) -> Result<Socket, SystemReason> {
    guard let made = make(address.family) else { return .failure(.last) }
    made.set(SOL_SOCKET, SO_REUSEADDR, 1)
    if address.family == AF_INET6 { made.set(ipv6Level, IPV6_V6ONLY, 0) }
    // SAFETY: the address is a sockaddr of its own length.
    let bound = unsafe address.bytes.withUnsafeBytes {
      unsafe bind(
        made.descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t($0.count))
    }
    guard bound == 0, listen(made.descriptor, Int32(clamping: backlog)) == 0 else {
      return .failure(.last)
    }
    return .success(made)
  }

  /// A socket on its way to `address`: once writable, `connectionFailure` tells how it went.
  package static func connecting(to address: SocketAddress) -> Result<Socket, SystemReason> {
    guard let made = make(address.family) else { return .failure(.last) }
    // SAFETY: as in `listening`.
    let status = unsafe address.bytes.withUnsafeBytes {
      unsafe connect(
        made.descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t($0.count))
    }
    if status != 0, SystemReason.last != .inProgress { return .failure(.last) }
    return .success(made)
  }

  /// Why a connection attempt failed; nil if it did not.
  package var connectionFailure: SystemReason? {
    var number: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    // SAFETY: the option is an Int32 and its size is given.
    let status = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
    if status != 0 { return .last }
    return number == 0 ? nil : SystemReason(number)
  }

  /// The next caller, or nil when nobody waits.
  package func accepted() -> Socket? {
    while true {
      let descriptor = accept(self.descriptor, nil, nil)
      if descriptor >= 0 {
        let made = Socket(descriptor: descriptor)
        made.prepare()
        return made
      }
      if SystemReason.last != .interrupted { return nil }
    }
  }

  /// The address of this end.
  package var localAddress: PeerAddress? { unsafe name { unsafe getsockname($0, $1, $2) } }
  /// The address of the other end.
  var remoteAddress: PeerAddress? { unsafe name { unsafe getpeername($0, $1, $2) } }

  private func name(
    _ ask: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> PeerAddress? {
    var bytes = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_storage>.size)
    var size = socklen_t(bytes.count)
    // SAFETY: the kernel writes at most `size` bytes, which the array has.
    let status = unsafe bytes.withUnsafeMutableBytes {
      unsafe ask(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
    }
    guard status == 0 else { return nil }
    return SocketAddress(bytes: Array(bytes.prefix(Int(size))), family: 0).peerAddress
  }

  // MARK: Moving bytes

  /// Gives bytes to the kernel, without a signal if the other side is gone.
  func give(_ bytes: UnsafeRawBufferPointer) -> Moved {
    #if canImport(Darwin)
      let flags: Int32 = 0
    #else
      let flags = Int32(MSG_NOSIGNAL)
    #endif
    while true {
      // SAFETY: the caller's pointer and count belong together.
      let count = unsafe send(descriptor, bytes.baseAddress, bytes.count, flags)
      if count >= 0 { return .bytes(count) }
      switch SystemReason.last {
      case .interrupted: continue
      case .wouldBlock: return .wouldBlock
      case let reason: return .failed(reason.description)
      }
    }
  }

  /// Takes bytes from the kernel.
  func take(into space: UnsafeMutableRawBufferPointer) -> Moved {
    while true {
      // SAFETY: the caller's pointer and count belong together.
      let count = unsafe recv(descriptor, space.baseAddress, space.count, 0)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      switch SystemReason.last {
      case .interrupted: continue
      case .wouldBlock: return .wouldBlock
      case let reason: return .failed(reason.description)
      }
    }
  }

  /// Refuses callers from now on, where the system can do so before the socket is closed.
  func stopListening() {
    #if canImport(Glibc)
      _ = shutdown(descriptor, Int32(SHUT_RDWR))
    #else
      _ = shutdown(descriptor, SHUT_RDWR)
    #endif
  }

  /// Says that nothing more will be sent; what was sent still arrives.
  package func finishSending() {
    #if canImport(Glibc)
      _ = shutdown(descriptor, Int32(SHUT_WR))
    #else
      _ = shutdown(descriptor, SHUT_WR)
    #endif
  }
}

#if canImport(Glibc)
  let tcpLevel = Int32(IPPROTO_TCP)
  private let ipv6Level = Int32(IPPROTO_IPV6)
#else
  let tcpLevel = Int32(IPPROTO_TCP)
  private let ipv6Level = Int32(IPPROTO_IPV6)
#endif
