// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Logging

// How links begin and end: dialling, coming up, breaking, and looking for a peer that was lost.
extension LinkEngine {
  /// Why a connection never became a link.
  enum Abandonment {
    case error(PeersError)
    case broken(String)
    case connectTimeout
    case greetingTimeout
  }

  // MARK: Dialling

  func isReachedOrBeing(_ address: PeerAddress) -> Bool {
    if let peer = aliases[address], linked[peer] != nil { return true }
    return resolving[address] != nil
      || connections.values.contains {
        $0.dial?.address == address && $0.stage != .up && !$0.isStrand
      } || linked.values.contains { $0.listens == address }
  }

  func dial(_ address: PeerAddress, _ reason: Dial.Reason) {
    let within = reason == .asked ? settings.connectMax : settings.probeMax
    let dial = Dial(address: address, reason: reason, deadline: now + within)
    switch SocketAddress.resolve(address, .numeric) {
    case .success(let found): attempt(dial, found)
    case .failure:
      guard resolving[address] == nil else { return }
      resolving[address] = dial
      let wake = wake
      names.ask(address, then: wake)
    }
  }

  func takeName(_ address: PeerAddress, _ answer: NameLookups.Answer) {
    guard let dial = resolving.removeValue(forKey: address) else { return }
    switch answer {
    case .success(let found): attempt(dial, found)
    case .failure(let reason):
      if !reason.mayPass {
        settings.greetingFailed?(
          address,
          PeersError(
            .unknownHost, "no address is known for \"\(address.host)\": \(reason)",
            place: "\(address)",
            remedy: "Check the host's name; an address in numbers works as well."))
      }
      dialFailed(dial, .closed("\(address.host): \(reason)"))
    }
  }

  private func attempt(_ dial: Dial, _ candidates: [SocketAddress]) {
    var dial = dial
    var rest = candidates[...]
    while let next = rest.popFirst() {
      if settings.usesLocalSockets, let socket = Socket.connectingLocally(to: next) {
        dial.candidates = Array(rest)
        reach(socket, dial)
        return
      }
      switch Socket.connecting(to: next) {
      case .success(let socket):
        dial.candidates = Array(rest)
        reach(socket, dial)
        return
      case .failure(let reason):
        dial.lastFailure = reason.description
        if reason != .refused { dial.allRefused = false }
      }
    }
    dialFailed(
      dial, dial.allRefused && !candidates.isEmpty ? .processGone : .closed(dial.lastFailure))
  }

  private func reach(_ socket: Socket, _ dial: Dial) {
    add(
      socket, role: .dialler, dial: dial, place: dial.address.description,
      expected: settings.expected[dial.address])
  }

  func finishConnecting(_ connection: Connection) {
    if connection.isStrand { return finishConnectingStrand(connection) }
    guard let dial = connection.dial else { return }
    if let reason = connection.socket.connectionFailure {
      connections[connection.token] = nil
      var next = dial
      next.lastFailure = reason.description
      if reason != .refused { next.allRefused = false }
      if next.candidates.isEmpty {
        dialFailed(next, next.allRefused ? .processGone : .closed(next.lastFailure))
      } else {
        attempt(next, next.candidates)
      }
      return
    }
    connection.stage = .greeting
    connection.deadline =
      dial.reason == .asked ? now + settings.handshakeMax : max(dial.deadline, now)
    do throws(PeersError) {
      try connection.greeting.start()
      flush(connection)
    } catch {
      abandon(connection, .error(error))
    }
  }

  func dialFailed(_ dial: Dial, _ cause: LossCause) {
    switch dial.reason {
    case .asked: events.append(.unreachable(dial.address, cause))
    case .probe(let peer):
      guard let entry = lost[peer] else { return }
      settleLost(peer, cause == .processGone ? .processGone : .closed(entry.reason))
    }
  }

  // MARK: Up

  func linkUp(_ connection: Connection) {
    guard let peer = connection.greeting.peer, let hello = connection.greeting.hello else {
      preconditionFailure("a link to a stranger")
    }
    let member = Member(id: peer, incarnation: hello.incarnation)
    if let old = linked[peer] {
      forget(old)
      events.append(
        .unlinked(
          old.member, old.member == member ? .closed("a newer link took its place") : .processGone))
    }
    if let entry = lost[peer] {
      settleLost(peer, entry.member == member ? .closed(entry.reason) : .processGone)
    }
    if let dial = connection.dial {
      rememberAlias(dial.address, of: peer)
      // Another peer listens where the lost one did.
      if case .probe(let sought) = dial.reason, sought != peer {
        settleLost(sought, .processGone)
      }
    }
    let link = Link(
      member, main: connection, keys: connection.greeting.strandKeys(),
      silence: SilenceDeadline(
        floor: settings.silenceMin, ceiling: settings.silenceMax,
        window: settings.heartbeatInterval, now: now),
      strands: settings.strands, frameBytesMax: settings.frameBytesMax)
    connection.becomeUp(link, connection.greeting.records(), at: now)
    if let listens = hello.listens {
      link.listens =
        listens.host.isEmpty
        ? connection.socket.remoteAddress.map { PeerAddress(host: $0.host, port: listens.port) }
        : listens
    }
    linked[peer] = link
    learnPath(link)
    mark(connection)
    events.append(.linked(member, address: link.listens))
    logger.info(
      "linked",
      metadata: [
        "peer.id": "\(peer)", "address": "\(connection.place)",
        "cipher": "\(connection.sealer?.kind.rawValue ?? "")",
      ])
  }

  // MARK: Down

  /// Drops a connection, whose account is closed.
  func forget(_ connection: Connection) {
    connection.closeAccounts()
    connections[connection.token] = nil
    connection.link = nil
  }

  /// Drops a link with all its connections.
  func forget(_ link: Link) {
    for connection in connections.values where connection.link === link { forget(connection) }
    link.removeAllStrands()
    if linked[link.member.id] === link { linked[link.member.id] = nil }
  }

  static let closed = "the other side closed the connection"
  /// How long after the first of a link's connections the others may end: they bring the last bytes.
  private static let endingMax = Duration.milliseconds(200)

  /// The other side has closed the connection, as it does with all of a link when it stops.
  func ended(_ connection: Connection) {
    guard connection.stage == .up, let link = connection.link else {
      return broken(connection, Self.closed)
    }
    connection.hasEnded = true
    if link.connections.allSatisfy(\.hasEnded) { return broken(connection, Self.closed) }
    if link.endsAt == nil { link.endsAt = now + Self.endingMax }
    dueChanged()
  }

  /// The connection broke by itself. Bytes may be lost with any of a link's: all of it ends.
  func broken(_ connection: Connection, _ reason: String) {
    guard connections[connection.token] === connection else { return }
    guard connection.stage == .up, let link = connection.link else {
      return abandon(connection, .broken(reason))
    }
    let member = link.member
    forget(link)
    logger.info(
      "a link dropped", metadata: ["peer.id": "\(member.id)", "why": "\(reason)"])
    if let goodbye = link.goodbye {
      events.append(.unlinked(member, .closed("it hung up: \(goodbye)")))
    } else if let address = link.listens {
      lost[member.id] = Lost(
        member: member, address: address, reason: reason, deadline: now + settings.probeMax)
      dial(address, .probe(member.id))
    } else {
      events.append(.unlinked(member, .closed(reason)))
    }
  }

  /// We end the link.
  func endLink(_ link: Link, _ cause: LossCause) {
    guard linked[link.member.id] === link else { return }
    if case .hungUp(let reason) = cause {
      link.main.queue(.goodbye(reason))
      _ = link.main.flush(at: now)
      link.main.socket.finishSending()
    }
    forget(link)
    events.append(.unlinked(link.member, cause))
  }

  /// The fate of a lost peer is known.
  func settleLost(_ peer: PeerID, _ cause: LossCause) {
    guard let entry = lost.removeValue(forKey: peer) else { return }
    events.append(.unlinked(entry.member, cause))
  }

  /// A connection that never became a link ends.
  func abandon(_ connection: Connection, _ why: Abandonment) {
    if connection.isStrand { return abandonStrand(connection, why) }
    // What tells the other side why goes out first.
    if case .error = why {
      _ = connection.flush(at: now)
      connection.socket.finishSending()
    }
    forget(connection)
    if case .error(let error) = why {
      if error.code == .duplicateLink {
        if let dial = connection.dial, let peer = connection.greeting.peer, peer != own.identity.id
        {
          rememberAlias(dial.address, of: peer)
        }
      } else {
        logger.info("a greeting failed", metadata: ["why": "\(error)"])
        settings.greetingFailed?(connection.dial?.address, error)
      }
    } else if connection.dial == nil {
      logger.info("a caller left before it was known", metadata: ["address": "\(connection.place)"])
    }
    guard let dial = connection.dial else { return }
    if case .probe(let peer) = dial.reason {
      // A listener that is going down accepts and cuts: once more, until it is gone for certain.
      if case .error = why {} else { lost[peer]?.retryAt = now + Self.probeRetry }
      return
    }
    switch why {
    case .error(let error):
      // A duplicate is no failure: the link is there already. To itself nobody links.
      if error.code != .duplicateLink || connection.greeting.peer == nil {
        events.append(.unreachable(dial.address, .hungUp(error.description)))
      }
    case .broken(let reason): events.append(.unreachable(dial.address, .closed(reason)))
    case .connectTimeout:
      events.append(.unreachable(dial.address, .silent(after: settings.connectMax)))
    case .greetingTimeout:
      events.append(.unreachable(dial.address, .silent(after: settings.handshakeMax)))
    }
  }
}
