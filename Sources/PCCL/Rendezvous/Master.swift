// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Foundation
import Logging

/// What a `pcclMasterInstance_t *` points to.
final class Master: @unchecked Sendable {
  // SAFETY: everything that changes is touched while `condition` is locked.
  private let address: PeerAddress
  private let condition = NSCondition()
  private var loop: LinkLoop<RendezvousLogic>?
  private var isInterrupted = false
  private var hasEnded = false

  init(_ address: PeerAddress) { self.address = address }

  /// Listens and answers on a thread of its own. - Returns: false if it does so already.
  func run() throws -> Bool {
    condition.lock()
    defer { condition.unlock() }
    guard loop == nil else { return false }
    let loop = try LinkLoop(
      logic: RendezvousLogic(), identity: Identity(),
      settings: try Terms.rendezvousLinks(listen: address),
      logger: Logger(label: "ferry.pccl") { _ in SwiftLogNoOpLogHandler() })
    self.loop = loop
    let thread = Thread { [self] in
      loop.run()
      condition.lock()
      hasEnded = true
      condition.broadcast()
      condition.unlock()
    }
    thread.name = "ferry-master"
    thread.start()
    return true
  }

  /// - Returns: false unless it runs.
  func interrupt() -> Bool {
    condition.lock()
    defer { condition.unlock() }
    guard let loop else { return false }
    isInterrupted = true
    loop.stop()
    return true
  }

  /// Waits for the end. - Returns: false unless it was started.
  func join() -> Bool {
    condition.lock()
    defer { condition.unlock() }
    guard loop != nil else { return false }
    while !hasEnded { condition.wait() }
    return true
  }

  func close() { if interrupt() { _ = join() } }
}
