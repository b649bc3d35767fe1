// SPDX-License-Identifier: Apache-2.0

import CKernels

/// What becomes of memory that is freed.
public enum FreedMemory {
  /// Keeps freed pieces of up to `byteCountMax` with the process, four times as much in all.
  ///
  /// Frames and gradients come and go by the thousand. Left alone, glibc gives each one's memory
  /// back to the system and has it zeroed anew for the next, which takes as long as sending it. For
  /// the whole process, best at its start; elsewhere than with glibc it does nothing.
  ///
  /// - Parameter byteCountMax: at most 32 MiB, glibc's own limit.
  public static func keep(upTo byteCountMax: Int) {
    precondition((0...32 << 20).contains(byteCountMax), "\(byteCountMax) bytes are out of range")
    ferry_keep_freed_memory(byteCountMax)
  }
}
