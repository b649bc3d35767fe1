// SPDX-License-Identifier: Apache-2.0

/// One place for each part of a loop over threads to put its result in.
@safe
public final class ResultSlots<Result: Sendable>: @unchecked Sendable {
  // SAFETY: each part writes its own place alone, and places are read after the loop; the address
  // is allocated here and freed in `deinit`.
  private let places: UnsafeMutablePointer<Result?>
  /// How many places there are.
  public let count: Int

  /// So many empty places.
  public init(_ count: Int) {
    unsafe places = .allocate(capacity: max(1, count))
    unsafe places.initialize(repeating: nil, count: count)
    self.count = count
  }

  deinit {
    unsafe places.deinitialize(count: count)
    unsafe places.deallocate()
  }

  /// A part's result. No two threads may touch one place at once.
  public subscript(part: Int) -> Result? {
    get {
      precondition(part >= 0 && part < count, "place \(part) of \(count)")
      return unsafe places[part]
    }
    set {
      precondition(part >= 0 && part < count, "place \(part) of \(count)")
      unsafe places[part] = newValue
    }
  }
}
