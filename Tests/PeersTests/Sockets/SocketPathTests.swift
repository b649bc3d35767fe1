// SPDX-License-Identifier: Apache-2.0

#if os(Linux)
  import FerryPeers
  import Glibc
  import Testing

  @Suite("What a socket asks of the system")
  struct SocketPathTests {
    /// A socket of a connection within this machine, with what it is connected to.
    private func connected() throws -> (Socket, others: [Socket]) {
      let here = try SocketAddress.resolve(PeerAddress(host: "127.0.0.1", port: 0), .numeric).get()
      let listener = try Socket.listening(at: #require(here.first), backlog: 1).get()
      let port = try #require(listener.localAddress).port
      let there = try SocketAddress.resolve(PeerAddress(host: "127.0.0.1", port: port), .numeric)
        .get()
      return (try Socket.connecting(to: #require(there.first)).get(), [listener])
    }

    private func number(_ option: Int32, of socket: Socket) -> Int32 {
      var value: Int32 = -1
      var size = socklen_t(MemoryLayout<Int32>.size)
      // SAFETY: the option's value is an Int32 and its size is given.
      _ = unsafe getsockopt(socket.descriptor, SOL_SOCKET, option, &value, &size)
      return value
    }

    @Test("buffers begin longer, and are still the system's to tune")
    func buffers() throws {
      let (socket, others) = try connected()
      let lock = Int32(72)
      guard number(lock, of: socket) == 0 else { return }  // A system without it: nothing is set.
      let before = (number(SO_SNDBUF, of: socket), number(SO_RCVBUF, of: socket))
      socket.beginBuffers(1 << 20)
      // The system allows this much wherever nobody has changed it.
      #expect(number(SO_RCVBUF, of: socket) >= max(before.1, 2 * 212_992))
      #expect(number(SO_SNDBUF, of: socket) >= 2 * 212_992)
      #expect(number(lock, of: socket) == 0)
      withExtendedLifetime(others) {}
    }

    @Test(
      "the congestion control that was asked for is the one in use; unknown ones change nothing")
    func congestionControl() throws {
      let (socket, others) = try connected()
      socket.useCongestionControl("reno")
      #expect(socket.congestionControl == "reno")
      socket.useCongestionControl("none such")
      #expect(socket.congestionControl == "reno")
      withExtendedLifetime(others) {}
    }
  }
#endif
