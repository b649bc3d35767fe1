// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CFerry
import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryOptimalTransport
import FerryPeers
import FerryTensors
import Foundation
import Synchronization

// The C door: translates, never decides. `ferry.h` says what each function does; pointers become
// values here, at once, and go no further.

/// What a `ferry_group *` points to.
final class Door: Sendable {
  let group: PeerGroup
  /// Given to newcomers and compared before each round.
  let shared = Mutex<[(name: String, values: [Float])]>([])
  /// What this peer was given last.
  let given: Mutex<SharedState>

  init(_ group: PeerGroup, given: SharedState = SharedState(round: 0, tensors: [], note: [])) {
    self.group = group
    self.given = Mutex(given)
    if !given.tensors.isEmpty { shared.withLock { $0 = given.tensors } }
  }

  var pointer: OpaquePointer {
    // SAFETY: the reference is taken back by `ferry_free`, once.
    unsafe OpaquePointer(Unmanaged.passRetained(self).toOpaque())
  }

  /// The door behind a pointer that this library gave out.
  static func behind(_ pointer: OpaquePointer?) throws(DoorError) -> Door {
    guard let pointer = unsafe pointer else { throw DoorError("the group is NULL") }
    // SAFETY: the header demands a pointer from `ferry_found` or `ferry_join`, not freed yet.
    return unsafe Unmanaged<Door>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }
}

/// An argument that makes no sense.
struct DoorError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Runs a call: its error becomes a status, and a sentence for `ferry_last_error`.
func call(_ body: () throws -> Void) -> ferry_status {
  do {
    try body()
    LastError.set("")
    return FERRY_OK
  } catch {
    LastError.set("\(error)")
    switch error {
    case is DoorError: return FERRY_BAD_ARGUMENT
    case is NoFit: return FERRY_NO_FIT
    case is PeersError: return FERRY_REFUSED
    case let error as TransportError:
      switch error.code {
      case .notConverged: return FERRY_NOT_CONVERGED
      case .cancelled: return FERRY_CANCELLED
      default: return FERRY_BAD_ARGUMENT
      }
    case let error as CollectiveError:
      switch error.code {
      case .deadline: return FERRY_DEADLINE
      case .evicted: return FERRY_EVICTED
      case .stopped: return FERRY_STOPPED
      case .cancelled: return FERRY_CANCELLED
      case .mismatch, .badOperation: return FERRY_MISMATCH
      case .badGroup: return FERRY_BAD_ARGUMENT
      default: return FERRY_FAILED
      }
    default: return FERRY_FAILED
    }
  }
}

private func text(_ pointer: UnsafePointer<CChar>?, _ name: String) throws(DoorError) -> String {
  guard let pointer = unsafe pointer else { throw DoorError("\(name) is NULL") }
  // SAFETY: the header demands a string that ends with zero.
  guard let text = unsafe String(validatingCString: pointer) else {
    throw DoorError("\(name) is not UTF-8")
  }
  return text
}

private func put(
  _ text: String, _ target: UnsafeMutablePointer<CChar>?, _ capacity: Int
) throws(DoorError) {
  let bytes = text.utf8CString
  guard let target = unsafe target else { throw DoorError("the text's place is NULL") }
  guard bytes.count <= capacity else {
    throw DoorError("the text takes \(bytes.count) bytes, and there is room for \(capacity)")
  }
  // SAFETY: the caller says how much room there is, and it was checked.
  for (i, byte) in bytes.enumerated() { unsafe target[i] = byte }
}

func patience(_ seconds: Double) throws(DoorError) -> Duration {
  guard seconds >= 0, seconds < 1e9 else {
    throw DoorError("a limit of \(seconds) seconds is none")
  }
  return .seconds(seconds)
}

private func address(_ text: String) throws(DoorError) -> PeerAddress {
  guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
  else { throw DoorError("\"\(text)\" is not host:port") }
  var host = text[..<colon]
  if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
  return PeerAddress(host: String(host), port: port)
}

/// Read field by field up to the caller's `size`: a program built against an older header has fewer.
private func settings(
  _ pointer: UnsafePointer<ferry_options>?, launched: LaunchEnvironment? = nil
) throws(DoorError) -> PeerGroup.Settings {
  guard let pointer = unsafe pointer else { throw DoorError("the options are NULL") }
  // SAFETY: the header demands options of `size` bytes; no more than those are read.
  let size = unsafe pointer.pointee.size
  guard unsafe size >= MemoryLayout<ferry_options>.size else {
    throw DoorError("options.size is \(size); set it to sizeof(struct ferry_options)")
  }
  let options = unsafe pointer.pointee
  let run = try unsafe text(options.run, "options.run")
  guard JoinLine.isRunName(run) else {
    throw DoorError("options.run: \"\(run)\" is not a name of letters, digits, '-', '_', '.'")
  }
  let given: RunSecret?
  if let launched {
    given = launched.secret
  } else {
    given = RunSecret(try unsafe text(options.secret, "options.secret"))
  }
  guard let secret = given else {
    throw DoorError(
      launched == nil
        ? "options.secret is not what ferry_new_secret gives"
        : "FERRY_SECRET is not set; take one from ferry_new_secret, the same for all processes")
  }
  var settings = PeerGroup.Settings(run: run, secret: secret)
  if let listen = unsafe options.listen {
    settings.listen = try address(try unsafe text(listen, "options.listen"))
  }
  settings.group.membersMin = launched?.size ?? Int(max(1, unsafe options.members_min))
  let operations: [ReduceOperation] = [.mean, .sum]
  let codecs = Terms.codecs
  guard operations.indices.contains(Int(unsafe options.operation)) else {
    throw DoorError("options.operation is \(unsafe options.operation)")
  }
  guard codecs.indices.contains(Int(unsafe options.codec)) else {
    throw DoorError("options.codec is \(unsafe options.codec)")
  }
  settings.group.operation = operations[Int(unsafe options.operation)]
  settings.group.codec = codecs[Int(unsafe options.codec)]
  settings.sealing = unsafe options.clear ? .clear : .encrypted
  // Before the group allocates anything.
  if unsafe !options.releases_memory { FreedMemory.keep() }
  return settings
}

// MARK: Groups

@c @implementation
public func ferry_new_secret(_ place: UnsafeMutablePointer<CChar>!, _ capacity: Int) -> ferry_status
{
  call {
    var generator = SystemRandomNumberGenerator()
    try unsafe put(RunSecret.generated(using: &generator).text, place, capacity)
  }
}

@c @implementation
public func ferry_found(
  _ options: UnsafePointer<ferry_options>!, _ group: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    guard let group = unsafe group else { throw DoorError("the group's place is NULL") }
    let made = try PeerGroup.found(try unsafe settings(options))
    // SAFETY: the place is the caller's and not NULL.
    unsafe group.pointee = Door(made).pointer
  }
}

@c @implementation
public func ferry_join(
  _ options: UnsafePointer<ferry_options>!, _ host: UnsafePointer<CChar>!, _ seconds: Double,
  _ group: UnsafeMutablePointer<OpaquePointer?>!
) -> ferry_status {
  call {
    guard let group = unsafe group else { throw DoorError("the group's place is NULL") }
    let (made, state) = try PeerGroup.join(
      at: try address(try unsafe text(host, "the address")), try unsafe settings(options),
      within: try patience(seconds))
    // SAFETY: the place is the caller's and not NULL.
    unsafe group.pointee = Door(made, given: state).pointer
  }
}

@c @implementation
public func ferry_from_environment(
  _ options: UnsafePointer<ferry_options>!, _ seconds: Double,
  _ group: UnsafeMutablePointer<OpaquePointer?>!, _ launched: UnsafeMutablePointer<ferry_launched>!
) -> ferry_status {
  call {
    guard let group = unsafe group else { throw DoorError("the group's place is NULL") }
    let found: LaunchEnvironment?
    do {
      found = try LaunchEnvironment(ProcessInfo.processInfo.environment)
    } catch {
      throw DoorError("\(error)")
    }
    guard let found else {
      throw DoorError(
        "no launcher started this process: there is neither RANK, OMPI_COMM_WORLD_RANK, PMI_RANK "
          + "nor SLURM_PROCID in its environment")
    }
    var settings = try unsafe settings(options, launched: found)
    let limit = try patience(seconds)
    // Others reach this process where they see it, unless all are on one machine.
    let here = found.isOneMachine ? found.meeting.host : ""
    settings.listen = PeerAddress(host: here, port: found.rank == 0 ? found.meeting.port : 0)
    let door: Door
    if found.rank == 0 {
      door = Door(try PeerGroup.found(settings))
    } else {
      let (made, state) = try PeerGroup.join(at: found.meeting, settings, within: limit)
      door = Door(made, given: state)
    }
    // SAFETY: the places are the caller's, the first not NULL.
    unsafe group.pointee = door.pointer
    guard let launched = unsafe launched else { return }
    unsafe launched.pointee = ferry_launched(rank: UInt32(found.rank), size: UInt32(found.size))
  }
}

@c @implementation
public func ferry_all_reduce(
  _ group: OpaquePointer!, _ values: UnsafeMutablePointer<Float>!, _ count: Int, _ weight: Double,
  _ seconds: Double, _ round: UnsafeMutablePointer<ferry_round>!
) -> ferry_status {
  call {
    let door = try unsafe Door.behind(group)
    guard weight >= 0, weight.isFinite else { throw DoorError("a weight of \(weight)") }
    let hasValues = unsafe values != nil
    guard count >= 0, count == 0 || hasValues else {
      throw DoorError("no values, or a count of \(count)")
    }
    // SAFETY: the header demands `count` floats at `values`, which stay there through the call.
    let place = unsafe UnsafeMutableBufferPointer(start: values, count: count)
    let outcome = try door.group.allReduce(
      unsafe Array(place), weight: weight, state: door.shared.withLock { $0 },
      within: try patience(seconds))
    guard outcome.values.count == count else {
      throw DoorError("\(count) values, and the round that was pending has \(outcome.values.count)")
    }
    // SAFETY: as above, and the counts are equal.
    _ = unsafe place.update(from: outcome.values)
    guard let round = unsafe round else { return }
    unsafe round.pointee = ferry_round(
      number: outcome.round, contributors: UInt32(outcome.contributors.count),
      weight: outcome.contributors.reduce(0) { $0 + $1.weight })
  }
}

// MARK: State

@c @implementation
public func ferry_set_state(
  _ group: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ values: UnsafePointer<Float>!,
  _ count: Int
) -> ferry_status {
  call {
    let door = try unsafe Door.behind(group)
    let name = try unsafe text(name, "the name")
    let hasValues = unsafe values != nil
    guard count >= 0, count == 0 || hasValues, name.utf8.count <= nameBytesMax else {
      throw DoorError("no values, a count of \(count), or a name above \(nameBytesMax) bytes")
    }
    // SAFETY: the header demands `count` floats at `values`; copied before the call returns.
    let copy = unsafe Array(UnsafeBufferPointer(start: values, count: count))
    door.shared.withLock { shared in
      shared.removeAll { $0.name == name }
      shared.append((name, copy))
      shared.sort { $0.name < $1.name }
    }
  }
}

private let nameBytesMax = StateManifest.nameBytesMax

@c @implementation
public func ferry_state(
  _ group: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ values: UnsafeMutablePointer<Float>!,
  _ count: Int
) -> ferry_status {
  call {
    let door = try unsafe Door.behind(group)
    let name = try unsafe text(name, "the name")
    let tensors = door.given.withLock { $0.tensors }
    guard let found = tensors.first(where: { $0.name == name })?.values else {
      throw DoorError("no state is called \"\(name)\"; there are: \(tensors.map(\.name))")
    }
    guard found.count == count, let values = unsafe values else {
      throw DoorError("\"\(name)\" has \(found.count) values, and \(count) were asked for")
    }
    // SAFETY: the header demands room for `count` floats at `values`.
    _ = unsafe UnsafeMutableBufferPointer(start: values, count: count).update(from: found)
  }
}

@c @implementation
public func ferry_reload(_ group: OpaquePointer!, _ seconds: Double) -> ferry_status {
  call {
    let door = try unsafe Door.behind(group)
    let state = try door.group.reload(within: try patience(seconds))
    door.given.withLock { $0 = state }
    door.shared.withLock { $0 = state.tensors }
  }
}

// MARK: Looking, leaving

@c @implementation
public func ferry_members(_ group: OpaquePointer!) -> UInt32 {
  var count = 0
  _ = call { count = try unsafe Door.behind(group).group.view?.members.count ?? 0 }
  return UInt32(count)
}

@c @implementation
public func ferry_list_members(
  _ group: OpaquePointer!, _ place: UnsafeMutablePointer<ferry_member>!, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>!
) -> ferry_status {
  call {
    let members = try unsafe Door.behind(group).group.view?.members ?? []
    guard let count = unsafe count else { throw DoorError("the count's place is NULL") }
    unsafe count.pointee = members.count
    guard members.count <= capacity, let place = unsafe place else {
      throw NoFit(description: "\(members.count) members, and there is a place for \(capacity)")
    }
    // SAFETY: the caller says how much room there is, and it was checked.
    for (i, member) in members.enumerated() { unsafe place[i] = ferry_member(member.id) }
  }
}

@c @implementation
public func ferry_self(
  _ group: OpaquePointer!, _ place: UnsafeMutablePointer<ferry_member>!
) -> ferry_status {
  call {
    let door = try unsafe Door.behind(group)
    guard let place = unsafe place else { throw DoorError("the member's place is NULL") }
    // SAFETY: the place is the caller's and not NULL.
    unsafe place.pointee = ferry_member(door.group.me.id)
  }
}

@c @implementation
public func ferry_round_number(_ group: OpaquePointer!) -> UInt64 {
  var number: UInt64 = 0
  _ = call { number = try unsafe Door.behind(group).group.round }
  return number
}

@c @implementation
public func ferry_address(
  _ group: OpaquePointer!, _ place: UnsafeMutablePointer<CChar>!, _ capacity: Int
) -> ferry_status {
  call { try unsafe put("\(Door.behind(group).group.address)", place, capacity) }
}

@c @implementation
public func ferry_leave(_ group: OpaquePointer!, _ seconds: Double) -> ferry_status {
  call { try unsafe Door.behind(group).group.leave(within: try patience(seconds)) }
}

@c @implementation
public func ferry_free(_ group: OpaquePointer!) {
  guard let group = unsafe group else { return }
  // SAFETY: gives back the reference that `Door.pointer` took; the header forbids a second call.
  let door = unsafe Unmanaged<Door>.fromOpaque(UnsafeRawPointer(group)).takeRetainedValue()
  door.group.close()
}

@c @implementation
public func ferry_last_error() -> UnsafePointer<CChar>! { unsafe LastError.pointer }

/// The last error's text, one a thread, in memory that C may look at.
@safe
private final class LastError {
  private static let key = "ferry-last-error"
  // SAFETY: owned by this object, made by strdup, freed with it.
  private let text: UnsafeMutablePointer<CChar>?

  private init(_ message: String) { unsafe text = strdup(message) }
  deinit { unsafe free(text) }

  static func set(_ message: String) {
    Thread.current.threadDictionary[key] = LastError(message)
  }

  static var pointer: UnsafePointer<CChar>? {
    if Thread.current.threadDictionary[key] == nil { set("") }
    let last = Thread.current.threadDictionary[key] as? LastError
    // SAFETY: lives until the thread's next call replaces it, as the header says.
    return unsafe last.flatMap { unsafe UnsafePointer($0.text) }
  }
}
