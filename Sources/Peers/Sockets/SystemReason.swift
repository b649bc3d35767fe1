// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// An `errno`, and what the system says about it.
package struct SystemReason: Error, Equatable, CustomStringConvertible {
  package let number: Int32

  init(_ number: Int32) { self.number = number }

  static var last: SystemReason { SystemReason(errno) }

  static let alreadyThere = SystemReason(EEXIST)
  static let refused = SystemReason(ECONNREFUSED)
  static let inUse = SystemReason(EADDRINUSE)
  static let wouldBlock = SystemReason(EAGAIN)
  static let interrupted = SystemReason(EINTR)
  static let inProgress = SystemReason(EINPROGRESS)

  package var description: String {
    // SAFETY: strerror returns a string of the C library that outlives this call; only unknown
    // numbers use a shared buffer, and then another thread's text is the worst that can appear.
    unsafe String(cString: strerror(number))
  }
}
