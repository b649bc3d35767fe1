// SPDX-License-Identifier: Apache-2.0

import CFuzzer
import FerryFuzzing
import Foundation

// `ferry-fuzz --seeds FOLDER` writes what our own encoders make; all else are libFuzzer's words.
if CommandLine.argc == 3, CommandLine.arguments[1] == "--seeds" {
  try Seeds.write(to: CommandLine.arguments[2])
} else {
  // SAFETY: the words live as long as the program; the bytes are copied within the call.
  let status = unsafe fuzzer_run(CommandLine.argc, CommandLine.unsafeArgv) { bytes, length in
    guard length > 0, let bytes = unsafe bytes else { return 0 }
    let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: length))
    let isTaken = Decoder.take(input) { meter_start($0, $1) }
    meter_stop()
    return isTaken ? 0 : -1
  }
  exit(status)
}
