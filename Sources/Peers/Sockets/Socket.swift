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

/// A stream socket that never blocks, TCP or within this machine (`LocalEnd`); closed when the last
/// reference goes.
package final class Socket: Sendable {
  package let descriptor: Int32
  /// Where both ends are on this machine and the bytes do not go by TCP.
  let local: LocalEnd?

  init(descriptor: Int32, local: LocalEnd? = nil) {
    self.descriptor = descriptor
    self.local = local
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    if local == nil {
      set(tcpLevel, TCP_NODELAY, 1)
      set(SOL_SOCKET, SO_KEEPALIVE, 1)
      #if canImport(Darwin)
        set(SOL_SOCKET, SO_NOSIGPIPE, 1)
      #endif
    } else {
      set(SOL_SOCKET, SO_SNDBUF, LocalEnd.bufferBytes)
    }
  }

  deinit { close(descriptor) }

  #if canImport(Glibc)
    private static let stream = Int32(SOCK_STREAM.rawValue)
  #else
    private static let stream = SOCK_STREAM
  #endif

  static func make(_ family: Int32, local: LocalEnd? = nil) -> Socket? {
    let descriptor = socket(family, stream, 0)
    return descriptor < 0 ? nil : Socket(descriptor: descriptor, local: local)
  }

  /// - Returns: whether the system took it.
  @discardableResult
  func set(_ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
    var value = value
    // SAFETY: the option's value is an Int32 and its size is given.
    return unsafe setsockopt(
      descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
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
    return made.listens(at: address, backlog: backlog) ? .success(made) : .failure(.last)
  }

  func listens(at address: SocketAddress, backlog: Int) -> Bool {
    takes(address) && listen(descriptor, Int32(clamping: backlog)) == 0
  }

  /// Whether the socket can have this address, and has it now.
  func takes(_ address: SocketAddress) -> Bool {
    // SAFETY: the address is a sockaddr of its own length.
    unsafe address.bytes.withUnsafeBytes {
      unsafe bind(
        descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    } == 0
  }

  /// A socket on its way to `address`: once writable, `connectionFailure` tells how it went.
  package static func connecting(to address: SocketAddress) -> Result<Socket, SystemReason> {
    guard let made = make(address.family) else { return .failure(.last) }
    return made.reaches(address) || SystemReason.last == .inProgress
      ? .success(made) : .failure(.last)
  }

  /// Whether the socket is connected to an address at once.
  func reaches(_ address: SocketAddress) -> Bool {
    // SAFETY: as in `takes`.
    unsafe address.bytes.withUnsafeBytes {
      unsafe connect(
        descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    } == 0
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
        return Socket(descriptor: descriptor, local: local.map { _ in LocalEnd(of: descriptor) })
      }
      if SystemReason.last != .interrupted { return nil }
    }
  }

  /// The address of this end.
  package var localAddress: PeerAddress? { unsafe name { unsafe getsockname($0, $1, $2) } }
  /// The address of the other end.
  package var remoteAddress: PeerAddress? {
    if let local { return local.standsFor }
    return unsafe name { unsafe getpeername($0, $1, $2) }
  }

  private func name(
    _ ask: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> PeerAddress? {
    unsafe Self.address(of: descriptor, ask)?.peerAddress
  }

  /// What the system calls one end of a socket.
  static func address(
    of descriptor: Int32,
    _ ask: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> SocketAddress? {
    var bytes = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_storage>.size)
    var size = socklen_t(bytes.count)
    // SAFETY: the kernel writes at most `size` bytes, which the array has.
    let status = unsafe bytes.withUnsafeMutableBytes {
      unsafe ask(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
    }
    guard status == 0 else { return nil }
    return SocketAddress(bytes: Array(bytes.prefix(Int(size))), family: 0)
  }

  // MARK: Moving bytes

  #if canImport(Darwin)
    private static let sendFlags: Int32 = 0
  #else
    private static let sendFlags = Int32(MSG_NOSIGNAL)
  #endif

  /// Gives bytes to the kernel, without a signal if the other side is gone.
  func give(_ bytes: UnsafeRawBufferPointer) -> Moved {
    // SAFETY: the caller's pointer and count belong together.
    moved { unsafe send(descriptor, bytes.baseAddress, bytes.count, Self.sendFlags) }
  }

  /// Gives several runs of bytes to the kernel, as if they were one.
  func give(_ runs: UnsafeMutableBufferPointer<iovec>) -> Moved {
    var message = unsafe msghdr()
    unsafe message.msg_iov = runs.baseAddress
    unsafe message.msg_iovlen = .init(runs.count)
    // SAFETY: the message lives on this frame, and the caller's runs with it.
    return moved { unsafe sendmsg(descriptor, &message, Self.sendFlags) }
  }

  private func moved(_ call: () -> Int) -> Moved {
    while true {
      let count = call()
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
    // SAFETY: the caller's pointer and count belong together.
    taken { unsafe recv(descriptor, space.baseAddress, space.count, 0) }
  }

  /// Takes bytes from the kernel into one run of memory, and then into another.
  func take(
    into first: UnsafeMutableRawBufferPointer, _ second: UnsafeMutableRawBufferPointer
  ) -> Moved {
    var runs = unsafe (
      iovec(iov_base: first.baseAddress, iov_len: first.count),
      iovec(iov_base: second.baseAddress, iov_len: second.count)
    )
    // SAFETY: as above, twice; the two runs lie side by side, as in an array.
    return unsafe withUnsafeMutableBytes(of: &runs) { both in
      taken {
        unsafe readv(descriptor, both.baseAddress?.assumingMemoryBound(to: iovec.self), 2)
      }
    }
  }

  private func taken(_ take: () -> Int) -> Moved {
    let moved = moved(take)
    return moved == .bytes(0) ? .ended : moved
  }

  /// Refuses callers from now on, where the system can do so before the socket is closed.
  package func stopListening() {
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
