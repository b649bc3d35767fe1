// SPDX-License-Identifier: Apache-2.0

import CFerry
import FerryCAPI
import Foundation
import Testing

/// What the library gave out: a group or a call.
@safe
private struct Handle {
  // SAFETY: only handed back to the library, before it was freed.
  let pointer: OpaquePointer
}

/// An operation whose pointers live as long as the test uses it.
@safe
private struct Asked {
  // SAFETY: as above.
  var fields: ferry_operation
}

/// Operations beside the rounds, called as C calls them, by two members in one process.
@Suite("Operations in C")
struct RequestTests {
  private var lastError: String { unsafe String(cString: ferry_last_error()) }

  /// Two members of a group, the older one first; both are gone at the end.
  private func withPair(_ body: ([Handle], [ferry_member]) throws -> Void) throws {
    var secret = [CChar](repeating: 0, count: Int(FERRY_SECRET_CAPACITY))
    // SAFETY: all pointers live through the calls that use them.
    #expect(unsafe ferry_new_secret(&secret, secret.count) == FERRY_OK)
    var pair: [Handle] = []
    unsafe "pair".withCString { run in
      unsafe secret.withUnsafeBufferPointer { secret in
        var options = unsafe ferry_options()
        unsafe options.size = MemoryLayout<ferry_options>.size
        unsafe options.run = run
        unsafe options.secret = secret.baseAddress
        unsafe options.members_min = 2
        var group: OpaquePointer?
        #expect(unsafe ferry_found(&options, &group) == FERRY_OK, "\(lastError)")
        pair.append(unsafe Handle(pointer: group!))
        var address = [CChar](repeating: 0, count: Int(FERRY_ADDRESS_CAPACITY))
        #expect(unsafe ferry_address(group, &address, address.count) == FERRY_OK)
        #expect(unsafe ferry_join(&options, address, 30, &group) == FERRY_OK, "\(lastError)")
        pair.append(unsafe Handle(pointer: group!))
      }
    }
    defer { for group in pair { unsafe ferry_free(group.pointer) } }
    // Both are members, and know it.
    let barriers = try pair.map { group in
      try unsafe start(group, operation(FERRY_BARRIER, FERRY_FLOAT32))
    }
    for call in barriers {
      #expect(unsafe ferry_await(call.pointer, nil) == FERRY_OK, "\(lastError)")
    }
    let members = pair.map { group in
      var member = ferry_member()
      #expect(unsafe ferry_self(group.pointer, &member) == FERRY_OK)
      return member
    }
    try body(pair, members)
  }

  private func operation(_ kind: ferry_kind, _ element: ferry_element) -> ferry_operation {
    var operation = unsafe ferry_operation()
    unsafe operation.size = MemoryLayout<ferry_operation>.size
    unsafe operation.kind = kind.rawValue
    unsafe operation.element = element.rawValue
    return unsafe operation
  }

  private func start(
    _ group: Handle, _ operation: ferry_operation, within seconds: Double = 30
  ) throws -> Handle {
    var call: OpaquePointer?
    var operation = unsafe operation
    try #require(
      unsafe ferry_start(group.pointer, &operation, seconds, &call) == FERRY_OK, "\(lastError)")
    return unsafe Handle(pointer: call!)
  }

  @Test("a column is sent from where it lies, and lands in a row that runs backwards")
  func slices() throws {
    try withPair { pair, members in
      var table: [Int16] = Array(0..<12)
      var row = [Int16](repeating: -1, count: 6)
      try unsafe table.withUnsafeMutableBufferPointer { table in
        try unsafe row.withUnsafeMutableBufferPointer { row in
          try unsafe withUnsafePointer(to: members[0]) { from in
            try unsafe withUnsafePointer(to: members[1]) { to in
              // The second column of 3 rows of 4; every second of the row, from its fifth down.
              try unsafe [3].withUnsafeBufferPointer { shape in
                try unsafe [4, -2].withUnsafeBufferPointer { strides in
                  var apart = unsafe ferry_layout(
                    size: MemoryLayout<ferry_layout>.size, dimensions: 1,
                    shape: shape.baseAddress, strides: strides.baseAddress)
                  var send = unsafe operation(FERRY_SEND, FERRY_INT_16)
                  unsafe send.values = UnsafeMutableRawPointer(table.baseAddress! + 1)
                  unsafe send.peer = to
                  let sent = try unsafe withUnsafePointer(to: &apart) { layout in
                    unsafe send.layout = unsafe layout
                    return try unsafe start(pair[0], send)
                  }
                  unsafe apart.strides = strides.baseAddress! + 1
                  var receive = unsafe operation(FERRY_RECEIVE, FERRY_INT_16)
                  unsafe receive.values = UnsafeMutableRawPointer(row.baseAddress! + 4)
                  unsafe receive.peer = from
                  let received = try unsafe withUnsafePointer(to: &apart) { layout in
                    unsafe receive.layout = unsafe layout
                    return try unsafe start(pair[1], receive)
                  }
                  #expect(unsafe ferry_await(sent.pointer, nil) == FERRY_OK, "\(lastError)")
                  #expect(unsafe ferry_await(received.pointer, nil) == FERRY_OK, "\(lastError)")
                }
              }
            }
          }
        }
      }
      #expect(row == [9, -1, 5, -1, 1, -1])
      #expect(table == Array(0..<12))
    }
  }

  @Test("a result that does not fit says how many elements it has, and waits for a larger place")
  func noFit() throws {
    try withPair { pair, members in
      var calls: [Handle] = []
      for (rank, group) in pair.enumerated() {
        var mine = [UInt32](repeating: UInt32(rank), count: rank + 1)
        var gather = unsafe operation(FERRY_ALL_GATHER, FERRY_UINT_32)
        try unsafe mine.withUnsafeMutableBytes { raw in
          unsafe gather.values = raw.baseAddress
          unsafe gather.count = rank + 1
          calls.append(try unsafe start(group, gather))
        }
      }
      for call in calls {
        var result = unsafe ferry_result()
        #expect(unsafe ferry_outcome(call.pointer, &result) == FERRY_OK, "\(lastError)")
        #expect(unsafe result.count == 3 && result.contributor_count == 2 && result.number == 2)
        #expect(unsafe result.contributors[0].count == 1 && result.contributors[1].count == 2)
        for rank in 0..<2 {
          let (a, b) = unsafe (result.contributors[rank].member.id, members[rank].id)
          #expect(
            unsafe withUnsafeBytes(of: a) { a in
              unsafe withUnsafeBytes(of: b) { unsafe a.elementsEqual($0) }
            })
        }
        var place: [UInt32] = [9, 9]
        #expect(unsafe ferry_set_place(call.pointer, &place, 2, nil) == FERRY_OK)
        #expect(unsafe ferry_await(call.pointer, nil) == FERRY_NO_FIT)
        #expect(
          lastError == "the result has 3 elements, and there is a place for 2; "
            + "see ferry_outcome and ferry_set_place")
        #expect(place == [9, 9], "nothing was written")
        place = [9, 9, 9, 9]
        try unsafe place.withUnsafeMutableBytes { place in
          #expect(unsafe ferry_set_place(call.pointer, place.baseAddress, 4, nil) == FERRY_OK)
          var round = ferry_round()
          #expect(unsafe ferry_await(call.pointer, &round) == FERRY_OK, "\(lastError)")
          try #require(round.contributors == 2)
        }
        #expect(place == [0, 1, 1, 9])
      }
    }
  }

  @Test("an all-reduce in lent memory leaves the result there, and after a failure what was there")
  func lent() throws {
    let count = 1 << 19
    try withPair { pair, _ in
      var values = (0..<2).map { [Float](repeating: Float($0 + 1), count: count) }
      func reduce(
        _ rank: Int, _ place: UnsafeMutableBufferPointer<Float>, within seconds: Double = 30
      ) throws -> Handle {
        var reduce = unsafe operation(FERRY_ALL_REDUCE, FERRY_FLOAT32)
        unsafe reduce.values = UnsafeMutableRawPointer(place.baseAddress)
        unsafe reduce.count = count
        unsafe reduce.lends = true
        return try unsafe start(pair[rank], reduce, within: seconds)
      }
      // Nobody makes the other's call in time: the call fails, and its part stays in the group.
      try unsafe values[0].withUnsafeMutableBufferPointer { mine in
        let call = try unsafe reduce(0, mine, within: 0.2)
        #expect(unsafe ferry_await(call.pointer, nil) == FERRY_DEADLINE)
        #expect(unsafe mine.allSatisfy { $0 == 1 })
        unsafe mine.update(repeating: 77)
      }
      try unsafe values[1].withUnsafeMutableBufferPointer { other in
        let late = try unsafe reduce(1, other)
        var elsewhere: [Float] = [0]
        #expect(unsafe ferry_set_place(late.pointer, &elsewhere, 1, nil) == FERRY_BAD_ARGUMENT)
        #expect(lastError.contains("were lent"))
        var result = unsafe ferry_result()
        #expect(unsafe ferry_outcome(late.pointer, &result) == FERRY_OK, "\(lastError)")
        #expect(unsafe result.count == count)
        #expect(unsafe ferry_await(late.pointer, nil) == FERRY_OK, "\(lastError)")
        #expect(unsafe other.allSatisfy { $0 == 3 }, "the first call's values as they were lent")
      }
      #expect(values[0].allSatisfy { $0 == 77 })
      // Both in time.
      var (first, second) = (values[0], values[1])
      try unsafe first.withUnsafeMutableBufferPointer { first in
        try unsafe second.withUnsafeMutableBufferPointer { second in
          for call in [try unsafe reduce(0, first), try unsafe reduce(1, second)] {
            #expect(unsafe ferry_await(call.pointer, nil) == FERRY_OK, "\(lastError)")
          }
          #expect(unsafe first.allSatisfy { $0 == 80 } && second.allSatisfy { $0 == 80 })
        }
      }
    }
  }

  @Test("parts go to the members that they name; those not named get nothing")
  func parts() throws {
    try withPair { pair, members in
      var values: [Float] = [1, 2, 3]
      var got: [[Float]] = [[0, 0, 0], [0, 0, 0]]
      var parts = [
        ferry_part(member: members[1], count: 2), ferry_part(member: members[0], count: 1),
      ]
      var calls: [Handle] = []
      try unsafe values.withUnsafeMutableBytes { values in
        try unsafe parts.withUnsafeMutableBufferPointer { parts in
          try unsafe withUnsafePointer(to: members[0]) { root in
            for rank in 0..<2 {
              var scatter = unsafe operation(FERRY_SCATTER, FERRY_FLOAT32)
              unsafe scatter.peer = unsafe root
              if rank == 0 {
                unsafe scatter.values = values.baseAddress
                unsafe scatter.count = 3
                unsafe scatter.parts = unsafe UnsafePointer(parts.baseAddress)
                unsafe scatter.part_count = 2
              }
              calls.append(try unsafe start(pair[rank], scatter))
            }
          }
        }
      }
      for rank in 0..<2 {
        unsafe got[rank].withUnsafeMutableBytes { place in
          #expect(
            unsafe ferry_set_place(calls[rank].pointer, place.baseAddress, 3, nil) == FERRY_OK)
          #expect(unsafe ferry_await(calls[rank].pointer, nil) == FERRY_OK, "\(lastError)")
        }
      }
      #expect(got == [[3, 0, 0], [1, 2, 0]])
    }
  }

  @Test("what makes no sense is one sentence, and no call begins")
  func badArguments() throws {
    try withPair { pair, members in
      var values: [Double] = [1, 2]
      try unsafe values.withUnsafeMutableBytes { values in
        var good = unsafe operation(FERRY_ALL_REDUCE, FERRY_FLOAT64)
        unsafe good.values = values.baseAddress
        unsafe good.count = 2
        let changes: [(String, (inout Asked) -> Void)] = [
          (
            "operation.size is 8; set it to sizeof(struct ferry_operation)",
            { unsafe $0.fields.size = 8 }
          ),
          ("operation.kind is 11", { unsafe $0.fields.kind = 11 }),
          ("operation.element is 0", { unsafe $0.fields.element = 0 }),
          ("operation.algorithm is 8", { unsafe $0.fields.algorithm = 8 }),
          ("operation.values is NULL, or a count of 2", { unsafe $0.fields.values = nil }),
          ("operation.peer is NULL", { unsafe $0.fields.kind = FERRY_GATHER.rawValue }),
          (
            "operation.part_count is 1, not 0 to 128, or no parts",
            { unsafe $0.fields.part_count = 1 }
          ),
          (
            "operation.parts leave out 2 of 2 values",
            { unsafe $0.fields.kind = FERRY_ALL_TO_ALL.rawValue }
          ),
          (
            "bad-operation: int8 is a codec of F32, and the values are F64 (allReduce). Send these "
              + "as they are, with the codec f32, or convert them to F32 first.",
            { unsafe $0.fields.codec = FERRY_INT8.rawValue }
          ),
          (
            "bad-operation: there is no such way: tree (barrier). Choose automatic or direct.",
            {
              unsafe $0.fields.kind = FERRY_BARRIER.rawValue
              unsafe $0.fields.algorithm = FERRY_BY_TREE.rawValue
            }
          ),
        ]
        for (sentence, change) in changes {
          var asked = unsafe Asked(fields: good)
          change(&asked)
          var bad = unsafe asked.fields
          var call: OpaquePointer?
          #expect(unsafe ferry_start(pair[0].pointer, &bad, 1, &call) == FERRY_BAD_ARGUMENT)
          #expect(lastError == sentence)
          let isNull = unsafe call == nil
          try #require(isNull)
        }
        try unsafe [2].withUnsafeBufferPointer { shape in
          try unsafe [0].withUnsafeBufferPointer { strides in
            var layout = unsafe ferry_layout(
              size: MemoryLayout<ferry_layout>.size, dimensions: 1, shape: shape.baseAddress,
              strides: strides.baseAddress)
            try unsafe withUnsafePointer(to: &layout) { layout in
              unsafe good.layout = unsafe layout
              var call: OpaquePointer?
              try #require(
                unsafe ferry_start(pair[0].pointer, &good, 1, &call) == FERRY_BAD_ARGUMENT)
              #expect(
                lastError
                  == "operation.values's layout has elements that overlap, and the result is "
                  + "written there")
            }
          }
        }
      }
      var count = 0
      #expect(unsafe ferry_list_members(pair[0].pointer, nil, 0, &count) == FERRY_NO_FIT)
      #expect(count == 2 && lastError == "2 members, and there is a place for 0")
    }
  }
}
