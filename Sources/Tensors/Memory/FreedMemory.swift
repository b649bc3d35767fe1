// SPDX-License-Identifier: Apache-2.0

import CKernels

/// What becomes of memory that is freed.
public enum FreedMemory {
  /// Keeps freed memory with the process, for what it allocates next.
  ///
  /// Frames and gradients come and go by the thousand. Left alone, glibc gives each one's memory
  /// back to the system and has it zeroed anew for the next, which takes as long as sending it. For
  /// the whole process, best at its start: it stays as large as it once was. Elsewhere than with
  /// glibc it does nothing.
  public static func keep() { ferry_keep_freed_memory() }
}
