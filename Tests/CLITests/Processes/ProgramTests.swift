// SPDX-License-Identifier: Apache-2.0

import Testing

/// Tests that start the built program, one at a time: each blocks a thread until its processes are
/// done, and tests that do not block would wait for that thread.
@Suite("Through the program", .serialized)
enum ProgramTests {}
