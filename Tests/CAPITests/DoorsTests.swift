// SPDX-License-Identifier: Apache-2.0

import CFerry
import FerryCAPI
import Foundation
import Testing

/// The C functions, called as C calls them.
@Suite("C door")
struct DoorsTests {
  /// Calls `body` with options that stay valid through it.
  private func withOptions<Value>(
    run: String = "sums", members: UInt32 = 1, _ body: (inout ferry_options) throws -> Value
  ) rethrows -> Value {
    var secret = [CChar](repeating: 0, count: Int(FERRY_SECRET_CAPACITY))
    // SAFETY: all pointers live through the calls that use them.
    #expect(unsafe ferry_new_secret(&secret, secret.count) == FERRY_OK)
    return try unsafe run.withCString { run in
      try unsafe secret.withUnsafeBufferPointer { secret in
        var options = unsafe ferry_options()
        unsafe options.size = MemoryLayout<ferry_options>.size
        unsafe options.run = run
        unsafe options.secret = secret.baseAddress
        unsafe options.members_min = members
        return try unsafe body(&options)
      }
    }
  }

  private var lastError: String { unsafe String(cString: ferry_last_error()) }

  @Test("two groups sum in place, share a state, and leave")
  func sum() {
    unsafe withOptions { options in
      var first: OpaquePointer?
      unsafe options.operation = FERRY_SUM.rawValue
      #expect(unsafe ferry_found(&options, &first) == FERRY_OK)
      var values: [Float] = [1, 2]
      var round = ferry_round()
      #expect(unsafe ferry_set_state(first, "w", [5, 6, 7], 3) == FERRY_OK)
      #expect(unsafe ferry_all_reduce(first, &values, 2, 2, 30, &round) == FERRY_OK)
      #expect(values == [2, 4] && round.number == 1 && round.contributors == 1)
      #expect(unsafe ferry_round_number(first) == 1 && ferry_members(first) == 1)

      var address = [CChar](repeating: 0, count: Int(FERRY_ADDRESS_CAPACITY))
      #expect(unsafe ferry_address(first, &address, address.count) == FERRY_OK)
      #expect(unsafe ferry_address(first, &address, 3) == FERRY_BAD_ARGUMENT)
      #expect(unsafe ferry_leave(first, 30) == FERRY_OK)
      #expect(unsafe ferry_all_reduce(first, &values, 2, 1, 30, nil) == FERRY_STOPPED)
      unsafe ferry_free(first)
    }
  }

  @Test("what makes no sense is one sentence, and nothing happens")
  func badArguments() {
    unsafe withOptions { options in
      var group: OpaquePointer?
      #expect(unsafe ferry_found(nil, &group) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "the options are NULL")
      unsafe options.size = 8
      #expect(unsafe ferry_found(&options, &group) == FERRY_BAD_ARGUMENT)
      #expect(
        lastError == "options.size is 8; set it to sizeof(struct ferry_options)")
      unsafe options.size = MemoryLayout<ferry_options>.size
      unsafe options.codec = 9
      #expect(unsafe ferry_found(&options, &group) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "options.codec is 9")
      unsafe options.codec = 0
      #expect(unsafe ferry_join(&options, "nowhere", 1, &group) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "\"nowhere\" is not host:port")
      #expect(ferry_all_reduce(nil, nil, 0, 1, 1, nil) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "the group is NULL")
      let isNull = unsafe group == nil
      #expect(isNull)
      #expect(unsafe ferry_found(&options, &group) == FERRY_OK && lastError == "")
      #expect(unsafe ferry_all_reduce(group, nil, 3, 1, 1, nil) == FERRY_BAD_ARGUMENT)
      #expect(unsafe ferry_all_reduce(group, nil, 0, .nan, 1, nil) == FERRY_BAD_ARGUMENT)
      var none: [Float] = [0]
      #expect(unsafe ferry_state(group, "w", &none, 1) == FERRY_BAD_ARGUMENT)
      #expect(lastError == "no state is called \"w\"; there are: []")
      unsafe ferry_free(group)
      ferry_free(nil)
    }
    unsafe withOptions(run: "a b") { options in
      var group: OpaquePointer?
      #expect(unsafe ferry_found(&options, &group) == FERRY_BAD_ARGUMENT)
      #expect(
        lastError == "options.run: \"a b\" is not a name of letters, digits, '-', '_', '.'")
    }
  }

  @Test("operations beside the rounds take any type, and end by an outcome, a cancel or a deadline")
  func calls() {
    unsafe withOptions(members: 2) { options in
      var group: OpaquePointer?
      #expect(unsafe ferry_found(&options, &group) == FERRY_OK)
      var values: [Int64] = [7, -7]
      unsafe values.withUnsafeMutableBytes { raw in
        var reduce = unsafe ferry_reduce()
        unsafe reduce.size = MemoryLayout<ferry_reduce>.size
        unsafe reduce.values = raw.baseAddress
        unsafe reduce.count = 2
        unsafe reduce.element = FERRY_INT_64.rawValue
        unsafe reduce.reduction = FERRY_REDUCE_MAX.rawValue
        unsafe reduce.weight = 1
        var call: OpaquePointer?
        #expect(unsafe ferry_start_all_reduce(group, &reduce, 30, &call) == FERRY_OK)
        #expect(unsafe !ferry_is_finished(call), "it waits for a second member")
        unsafe ferry_cancel(call)
        #expect(unsafe ferry_await(call, nil) == FERRY_CANCELLED)
        #expect(lastError.hasPrefix("cancelled: this call was cancelled (allReduce, tag 0)"))
        #expect(unsafe ferry_start_all_reduce(group, &reduce, 0.05, &call) == FERRY_OK)
        #expect(unsafe ferry_await(call, nil) == FERRY_DEADLINE)
        for (element, reduction, codec, what) in [
          (99, 0, 0, "reduce.element is 99"), (14, 0, 0, "reduce.element is 14"),
          (1, 9, 0, "reduce.reduction is 9"), (1, 0, 7, "reduce.codec is 7"),
        ] as [(UInt32, UInt32, UInt32, String)] {
          unsafe reduce.element = element
          unsafe reduce.reduction = reduction
          unsafe reduce.codec = codec
          #expect(
            unsafe ferry_start_all_reduce(group, &reduce, 1, &call) == FERRY_BAD_ARGUMENT)
          #expect(lastError == what)
        }
        unsafe reduce.size = 4
        #expect(unsafe ferry_start_all_reduce(group, &reduce, 1, &call) == FERRY_BAD_ARGUMENT)
        #expect(lastError == "reduce.size is 4; set it to sizeof(struct ferry_reduce)")
      }
      #expect(values == [7, -7], "nothing came of any")
      #expect(ferry_await(nil, nil) == FERRY_BAD_ARGUMENT)
      ferry_cancel(nil)
      unsafe ferry_free(group)
    }
  }

  @Test("without a launcher there is nothing to found or join")
  func noLauncher() {
    unsafe withOptions { options in
      var group: OpaquePointer?
      var launched = ferry_launched()
      #expect(
        unsafe ferry_from_environment(&options, 1, &group, &launched) == FERRY_BAD_ARGUMENT)
      #expect(lastError.hasPrefix("no launcher started this process: there is neither RANK"))
      #expect(unsafe ferry_from_environment(&options, 1, nil, nil) == FERRY_BAD_ARGUMENT)
    }
  }

  @Test("nobody at the address is a deadline, and says for what")
  func nobody() {
    unsafe withOptions { options in
      var group: OpaquePointer?
      #expect(unsafe ferry_join(&options, "127.0.0.1:1", 0.3, &group) == FERRY_DEADLINE)
      #expect(lastError.hasPrefix("deadline: waited in vain for a group to let this peer in"))
      let isNull = unsafe group == nil
      #expect(isNull)
    }
  }
}
