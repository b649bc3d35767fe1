// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CPCCL
import FerryBasics
import FerryCollectives
import FerryPeers
import FerryTensors
import Foundation
import Synchronization

// PCCL's C interface: translates, never decides. `pccl.h` has the names; Docs/bindings.md says where
// the answers differ from PCCL's own. Pointers become values here, at once.

private let isInitialized = Mutex(false)

/// Why a call ends early.
private struct Refused: Error {
  let result: pcclResult_t
  init(_ result: pcclResult_t) { self.result = result }
}

private func call(_ body: () throws -> Void) -> pcclResult_t {
  do {
    guard isInitialized.withLock({ $0 }) else { return pcclNotInitialized }
    try body()
    return pcclSuccess
  } catch let refused as Refused {
    return refused.result
  } catch is Communicator.Ended {
    return pcclInvalidUsage
  } catch {
    Complaint.say("\(error)")
    return pcclInternalError
  }
}

/// The object behind a pointer that this library gave out.
private func object<Object: AnyObject>(
  _: Object.Type, _ pointer: OpaquePointer?
) throws(Refused) -> Object {
  guard let pointer = unsafe pointer else { throw Refused(pcclInvalidArgument) }
  // SAFETY: the interface demands a pointer from the function that creates such an object, not
  // destroyed yet.
  return unsafe Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
}

private func connected(_ pointer: OpaquePointer?) throws(Refused) -> Communicator {
  let communicator = try unsafe object(Communicator.self, pointer)
  guard communicator.isConnected else { throw Refused(pcclInvalidUsage) }
  return communicator
}

private func octets<Octets: BitwiseCopyable>(_ octets: Octets) -> [UInt8] {
  unsafe withUnsafeBytes(of: octets) { raw in
    // SAFETY: copied while borrowed; bytes have no padding.
    unsafe Array(raw)
  }
}

private func address(_ socket: ccoip_socket_address_t) -> PeerAddress {
  let host: String
  if socket.inet.protocol == inetIPv6 {
    let bytes = octets(socket.inet.ipv6.data)
    host = stride(from: 0, to: 16, by: 2).map {
      String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
    }.joined(separator: ":")
  } else {
    host = octets(socket.inet.ipv4.data).map(String.init)
      .joined(separator: ".")
  }
  return PeerAddress(host: host, port: socket.port)
}

// MARK: Communicators

@c @implementation
public func pcclInit() -> pcclResult_t {
  isInitialized.withLock { $0 = true }
  return pcclSuccess
}

@c @implementation
public func pcclGetBuildInfo(_ info: UnsafeMutablePointer<pcclBuildInfo_t>!) -> pcclResult_t {
  guard let info = unsafe info else { return pcclInvalidArgument }
  // SAFETY: the caller's place, not NULL.
  unsafe info.pointee = pcclBuildInfo_t(has_cuda_support: false)
  return pcclSuccess
}

@c @implementation
public func pcclCreateCommunicator(
  _ params: UnsafePointer<pcclCommCreateParams_t>!,
  _ comm_out: UnsafeMutablePointer<OpaquePointer?>!
) -> pcclResult_t {
  call {
    guard let params = unsafe params, let place = unsafe comm_out else {
      throw Refused(pcclInvalidArgument)
    }
    let wanted = unsafe params.pointee
    let communicator = Communicator(
      master: address(wanted.master_address), peerGroup: wanted.peer_group)
    // SAFETY: the reference is taken back by `pcclDestroyCommunicator`, once.
    unsafe place.pointee = OpaquePointer(Unmanaged.passRetained(communicator).toOpaque())
  }
}

@c @implementation
public func pcclConnect(_ communicator: OpaquePointer!) -> pcclResult_t {
  call {
    let communicator = try unsafe object(Communicator.self, communicator)
    guard !communicator.isConnected else { throw Refused(pcclInvalidUsage) }
    let result = communicator.connect()
    guard result == pcclSuccess else { throw Refused(result) }
  }
}

@c @implementation
public func pcclDestroyCommunicator(_ communicator: OpaquePointer!) -> pcclResult_t {
  call {
    guard let communicator = unsafe communicator else { throw Refused(pcclInvalidArgument) }
    // SAFETY: gives back the reference that `pcclCreateCommunicator` took; the interface forbids a
    // second call.
    let object = unsafe Unmanaged<Communicator>.fromOpaque(UnsafeRawPointer(communicator))
      .takeRetainedValue()
    object.close()
  }
}

@c @implementation
public func pcclGetAttribute(
  _ communicator: OpaquePointer!, _ attribute: pcclAttribute_t,
  _ p_attribute_out: UnsafeMutablePointer<Int32>!
) -> pcclResult_t {
  call {
    let communicator = try unsafe connected(communicator)
    guard let place = unsafe p_attribute_out else { throw Refused(pcclInvalidArgument) }
    let worlds = communicator.worlds
    let value: Int
    switch attribute {
    case PCCL_ATTRIBUTE_GLOBAL_WORLD_SIZE: value = worlds.values.reduce(0, +)
    case PCCL_ATTRIBUTE_PEER_GROUP_WORLD_SIZE: value = worlds[communicator.peerGroup] ?? 0
    case PCCL_ATTRIBUTE_NUM_DISTINCT_PEER_GROUPS: value = worlds.count
    case PCCL_ATTRIBUTE_LARGEST_PEER_GROUP_WORLD_SIZE: value = worlds.values.max() ?? 0
    default: throw Refused(pcclInvalidArgument)
    }
    // SAFETY: the caller's place, not NULL.
    unsafe place.pointee = Int32(value)
  }
}

// MARK: What all peers do together

@c @implementation
public func pcclUpdateTopology(_ communicator: OpaquePointer!) -> pcclResult_t {
  call {
    do {
      _ = try unsafe together(.updateTopology, communicator)
    } catch is Communicator.Ended {
      throw Refused(pcclUpdateTopologyFailed)
    }
  }
}

@c @implementation
public func pcclArePeersPending(
  _ communicator: OpaquePointer!, _ pending_out: UnsafeMutablePointer<Bool>!
) -> pcclResult_t {
  call {
    guard let place = unsafe pending_out else { throw Refused(pcclInvalidArgument) }
    guard case .counted(let pending) = try unsafe together(.arePeersPending, communicator) else {
      throw Refused(pcclInternalError)
    }
    // SAFETY: the caller's place, not NULL.
    unsafe place.pointee = pending
  }
}

@c @implementation
public func pcclOptimizeTopology(_ communicator: OpaquePointer!) -> pcclResult_t {
  call {
    let worlds = try unsafe connected(communicator).worlds
    guard worlds.values.reduce(0, +) > 1 else { throw Refused(pcclInvalidUsage) }
    do {
      _ = try unsafe together(.optimizeTopology, communicator)
    } catch is Communicator.Ended {
      throw Refused(pcclTopologyOptimizationFailed)
    }
  }
}

private func together(_ what: CommonCall, _ pointer: OpaquePointer?) throws -> Agenda.Happening {
  let communicator = try unsafe connected(pointer)
  guard what == .arePeersPending || !communicator.isReducing else {
    throw Refused(pcclPendingAsyncOps)
  }
  return try communicator.make(what)
}

@c @implementation
public func pcclSynchronizeSharedState(
  _ communicator: OpaquePointer!, _ shared_state: UnsafeMutablePointer<pcclSharedState_t>!,
  _ strategy: pcclSharedStateSyncStrategy_t,
  _ sync_info_out: UnsafeMutablePointer<pcclSharedStateSyncInfo_t>!
) -> pcclResult_t {
  call {
    let communicator = try unsafe connected(communicator)
    guard let state = unsafe shared_state,
      let strategy = StateOffer.Strategy(rawValue: UInt8(truncatingIfNeeded: strategy.rawValue))
    else { throw Refused(pcclInvalidArgument) }
    guard !communicator.isReducing else { throw Refused(pcclPendingAsyncOps) }
    guard (communicator.worlds[communicator.peerGroup] ?? 0) > 1 else {
      throw Refused(pcclTooFewPeers)
    }
    // SAFETY: the interface demands `count` descriptions, whose memory stays through the call.
    let infos = unsafe UnsafeBufferPointer(
      start: state.pointee.infos, count: state.pointee.count)
    guard infos.count <= StateOffer.tensorsMax else { throw Refused(pcclInvalidArgument) }
    let tensors = try unsafe infos.map { try unsafe tensor($0) }
    let synchronization = StateSynchronization(
      communicator: communicator, names: tensors.map(\.name), places: tensors.map(\.place),
      strategy: strategy)
    do {
      let outcome = try synchronization.run(revision: unsafe state.pointee.revision)
      // SAFETY: the caller's places, not NULL.
      unsafe state.pointee.revision = outcome.revision
      guard let info = unsafe sync_info_out else { return }
      unsafe info.pointee = pcclSharedStateSyncInfo_t(
        tx_bytes: outcome.sent, rx_bytes: outcome.received)
    } catch let refusal as StateElection.Refusal {
      Complaint.say("shared state not synchronized: \(refusal)")
      throw Refused(refusal == .nobodyOffers ? pcclNoSharedStateAvailable : pcclInvalidUsage)
    }
  }
}

private func tensor(
  _ info: pcclTensorInfo_t
) throws(Refused) -> (name: (name: String, kind: ElementKind, mayDiffer: Bool), place: Place) {
  guard let kind = ElementKind(rawValue: UInt8(truncatingIfNeeded: unsafe info.datatype.rawValue)),
    unsafe info.device_type == pcclDeviceCpu, let name = unsafe info.name,
    // SAFETY: the interface demands a string that ends with zero.
    let text = unsafe String(validatingCString: name), unsafe info.count < Int.max / 8
  else { throw Refused(pcclInvalidArgument) }
  let place = unsafe Place(info.data, byteCount: info.count * kind.type.byteWidth)
  return ((text, kind, unsafe info.allow_content_inequality), place)
}

// MARK: All-reduce

private func request(
  _ sendbuff: UnsafeRawPointer?, _ recvbuff: UnsafeMutableRawPointer?,
  _ descriptor: pcclReduceDescriptor_t
) throws(Refused) -> ReduceRequest {
  guard let sendbuff = unsafe sendbuff, let recvbuff = unsafe recvbuff,
    (1..<Int.max / 8).contains(descriptor.count),
    let kind = ElementKind(
      rawValue: UInt8(truncatingIfNeeded: descriptor.src_descriptor.datatype.rawValue)),
    let operation = ElementOperation(rawValue: UInt8(truncatingIfNeeded: descriptor.op.rawValue)),
    descriptor.quantization_options.algorithm.rawValue <= pcclQuantZeroPointScale.rawValue
  else { throw Refused(pcclInvalidArgument) }
  let byteCount = descriptor.count * kind.type.byteWidth
  let isQuantized =
    descriptor.quantization_options.algorithm != pcclQuantNone
    && [pcclUint8, pcclInt8].contains(descriptor.quantization_options.quantized_datatype)
  // SAFETY: the interface demands `count` elements at both; the first are only read.
  return unsafe ReduceRequest(
    tag: descriptor.tag, kind: kind, operation: operation, isQuantized: isQuantized,
    source: Place(UnsafeMutableRawPointer(mutating: sendbuff), byteCount: byteCount),
    target: Place(recvbuff, byteCount: byteCount))
}

private func info(_ request: ReduceRequest, world: Int) -> pcclReduceInfo_t {
  // What every algorithm that is chosen for long vectors moves; the links' meter counts the rest.
  let bytes = UInt64(2 * (world - 1) * request.source.byteCount / max(1, world))
  let moved = request.isQuantized && request.kind == .float32 ? bytes / 4 : bytes
  return pcclReduceInfo_t(local_world_size: UInt32(world), tx_bytes: moved, rx_bytes: moved)
}

@c @implementation
public func pcclAllReduceAsync(
  _ sendbuff: UnsafeRawPointer!, _ recvbuff: UnsafeMutableRawPointer!,
  _ descriptor: UnsafePointer<pcclReduceDescriptor_t>!, _ communicator: OpaquePointer!,
  _ reduce_handle_out: UnsafeMutablePointer<pcclAsyncReduceOp_t>!
) -> pcclResult_t {
  call {
    let object = try unsafe connected(communicator)
    guard let place = unsafe reduce_handle_out, let descriptor = unsafe descriptor else {
      throw Refused(pcclInvalidArgument)
    }
    let request = try unsafe request(sendbuff, recvbuff, descriptor.pointee)
    if let refusal = try object.start(request) { throw Refused(refusal) }
    // SAFETY: the caller's place, not NULL.
    unsafe place.pointee = pcclAsyncReduceOp_t(comm: communicator, tag: request.tag)
  }
}

@c @implementation
public func pcclAwaitAsyncReduce(
  _ reduce_handle: UnsafePointer<pcclAsyncReduceOp_t>!,
  _ reduce_info_out: UnsafeMutablePointer<pcclReduceInfo_t>!
) -> pcclResult_t {
  call {
    guard let handle = unsafe reduce_handle else { throw Refused(pcclInvalidArgument) }
    // SAFETY: the caller's handle, not NULL, as `pcclAllReduceAsync` filled it.
    let communicator = try unsafe object(Communicator.self, handle.pointee.comm)
    guard let done = communicator.await(unsafe handle.pointee.tag) else {
      throw Refused(pcclInvalidArgument)
    }
    guard done.result == pcclSuccess else { throw Refused(done.result) }
    // SAFETY: the caller's place, if there is one.
    if let place = unsafe reduce_info_out {
      unsafe place.pointee = info(done.request, world: done.world)
    }
  }
}

@c @implementation
public func pcclAllReduce(
  _ sendbuff: UnsafeRawPointer!, _ recvbuff: UnsafeMutableRawPointer!,
  _ descriptor: UnsafePointer<pcclReduceDescriptor_t>!, _ communicator: OpaquePointer!,
  _ reduce_info_out: UnsafeMutablePointer<pcclReduceInfo_t>!
) -> pcclResult_t {
  var handle = unsafe pcclAsyncReduceOp_t()
  let started = unsafe pcclAllReduceAsync(sendbuff, recvbuff, descriptor, communicator, &handle)
  guard started == pcclSuccess else { return started }
  return unsafe pcclAwaitAsyncReduce(&handle, reduce_info_out)
}

@c @implementation
public func pcclAllReduceMultipleWithRetry(
  _ descriptors: UnsafePointer<pcclReduceOpDescriptor_t>!, _ count: Int,
  _ communicator: OpaquePointer!, _ reduce_info_out: UnsafeMutablePointer<pcclReduceInfo_t>!,
  _ max_in_flight: Int32
) -> pcclResult_t {
  call {
    let communicator = try unsafe connected(communicator)
    guard let descriptors = unsafe descriptors, count > 0, max_in_flight > 0 else {
      throw Refused(pcclInvalidArgument)
    }
    // SAFETY: the interface demands `count` descriptors.
    let wanted = try unsafe UnsafeBufferPointer(start: descriptors, count: count).map {
      try unsafe request($0.sendbuf, $0.recvbuf, $0.descriptor)
    }
    var total = pcclReduceInfo_t()
    // An operation outlives the peers that are lost in it, so that none has to be started again.
    var next = 0
    for index in wanted.indices {
      var failure: pcclResult_t?
      while next < wanted.count, next - index < max_in_flight, failure == nil {
        failure = try communicator.start(wanted[next])
        if failure == nil { next += 1 }
      }
      let done = index < next ? communicator.await(wanted[index].tag) : nil
      if let done, done.result != pcclSuccess { failure = done.result }
      if let failure {
        for started in wanted[min(index + 1, next)..<next] { _ = communicator.await(started.tag) }
        throw Refused(failure == pcclRankConnectionLost ? pcclTooFewPeers : failure)
      }
      guard let done else { throw Refused(pcclInternalError) }
      let moved = info(done.request, world: done.world)
      total.tx_bytes += moved.tx_bytes
      total.rx_bytes += moved.rx_bytes
      total.local_world_size = moved.local_world_size
    }
    // SAFETY: the caller's place, if there is one.
    if let place = unsafe reduce_info_out { unsafe place.pointee = total }
  }
}

// MARK: The master

@c @implementation
public func pcclCreateMaster(
  _ listen_address: ccoip_socket_address_t,
  _ p_master_handle_out: UnsafeMutablePointer<OpaquePointer?>!
) -> pcclResult_t {
  guard let place = unsafe p_master_handle_out else { return pcclInvalidArgument }
  let master = Master(address(listen_address))
  // SAFETY: the reference is taken back by `pcclDestroyMaster`, once.
  unsafe place.pointee = OpaquePointer(Unmanaged.passRetained(master).toOpaque())
  return pcclSuccess
}

/// As PCCL, the master's functions need no `pcclInit`.
private func ask(_ pointer: OpaquePointer?, _ body: (Master) throws -> Bool) -> pcclResult_t {
  do {
    return try body(try unsafe object(Master.self, pointer)) ? pcclSuccess : pcclInvalidUsage
  } catch let refused as Refused {
    return refused.result
  } catch {
    Complaint.say("\(error)")
    return pcclInvalidUsage
  }
}

@c @implementation
public func pcclRunMaster(_ master_instance: OpaquePointer!) -> pcclResult_t {
  unsafe ask(master_instance) { try $0.run() }
}

@c @implementation
public func pcclInterruptMaster(_ master_instance: OpaquePointer!) -> pcclResult_t {
  unsafe ask(master_instance) { $0.interrupt() }
}

@c @implementation
public func pcclMasterAwaitTermination(_ master_instance: OpaquePointer!) -> pcclResult_t {
  unsafe ask(master_instance) { $0.join() }
}

@c @implementation
public func pcclDestroyMaster(_ master_instance: OpaquePointer!) -> pcclResult_t {
  guard let master = unsafe master_instance else { return pcclInvalidArgument }
  // SAFETY: gives back the reference that `pcclCreateMaster` took; the interface forbids a second
  // call.
  let object = unsafe Unmanaged<Master>.fromOpaque(UnsafeRawPointer(master)).takeRetainedValue()
  object.close()
  return pcclSuccess
}
