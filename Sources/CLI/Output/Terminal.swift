// SPDX-License-Identifier: Apache-2.0

import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The process's own standard streams.
package enum Terminal {
  package enum Stream: Sendable {
    case standardOutput
    case standardError

    var descriptor: Int32 { self == .standardOutput ? STDOUT_FILENO : STDERR_FILENO }
    var handle: FileHandle { self == .standardOutput ? .standardOutput : .standardError }
  }

  package static func isTerminal(_ stream: Stream) -> Bool { isatty(stream.descriptor) == 1 }

  /// Columns, where the stream is a terminal that knows them.
  package static func width(_ stream: Stream) -> Int? {
    var size = winsize()
    // SAFETY: TIOCGWINSZ writes one `winsize`, which lives on this frame for the call.
    let status = unsafe withUnsafeMutablePointer(to: &size) {
      unsafe ioctl(stream.descriptor, UInt(TIOCGWINSZ), $0)
    }
    return status == 0 && size.ws_col > 0 ? Int(size.ws_col) : nil
  }

  /// Writes; a stream that was closed at the other end (`| head`) loses the text quietly.
  package static func write(_ text: String, to stream: Stream) {
    try? stream.handle.write(contentsOf: Foundation.Data(text.utf8))
  }
}
