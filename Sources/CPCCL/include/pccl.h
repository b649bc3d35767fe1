// SPDX-License-Identifier: Apache-2.0
//
// The public C interface of PCCL 1.0 (PrimeIntellect-ai/pccl), answered by Ferry.
//
// Names, values and layouts are those of that interface, so that a program written and compiled for
// it runs with our libpccl in the place of its own; what stands here is written anew. What each call
// does over Ferry, and where that differs, is in Docs/bindings.md.
#ifndef FERRY_PCCL_H
#define FERRY_PCCL_H
#include "ccoip_inet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCCL_EXPORT __attribute__((visibility("default")))
#define PCCL_NULLABLE

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pcclResult_t {
  pcclSuccess = 0,
  pcclNotInitialized = 1,
  pcclInternalError = 2,
  pcclInvalidArgument = 3,
  pcclInvalidUsage = 4,
  pcclTooFewPeers = 5,
  pcclMasterConnectionFailed = 6,
  pcclRankConnectionFailed = 7,
  pcclRankConnectionLost = 8,
  pcclNoSharedStateAvailable = 9,
  pcclPendingAsyncOps = 10,
  pcclUpdateTopologyFailed = 11,
  pcclTopologyOptimizationFailed = 12
} pcclResult_t;

typedef enum pcclDataType_t {
  pcclUint8 = 0,
  pcclInt8 = 1,
  pcclInt16 = 2,
  pcclUint16 = 3,
  pcclUint32 = 4,
  pcclInt32 = 5,
  pcclUint64 = 6,
  pcclInt64 = 7,
  pcclFloat16 = 8,
  pcclBFloat16 = 9,
  pcclFloat = 10,
  pcclDouble = 11
} pcclDataType_t;

typedef enum pcclDeviceType_t { pcclDeviceCpu = 0, pcclDeviceCuda = 1 } pcclDeviceType_t;

typedef enum pcclRedOp_t {
  pcclSum = 0,
  pcclAvg = 1,
  pcclProd = 2,
  pcclMax = 3,
  pcclMin = 4
} pcclRedOp_t;

typedef enum pcclAttribute_t {
  // Of all peer groups together, of one's own, how many groups, and of the largest.
  PCCL_ATTRIBUTE_GLOBAL_WORLD_SIZE = 1,
  PCCL_ATTRIBUTE_PEER_GROUP_WORLD_SIZE = 2,
  PCCL_ATTRIBUTE_NUM_DISTINCT_PEER_GROUPS = 3,
  PCCL_ATTRIBUTE_LARGEST_PEER_GROUP_WORLD_SIZE = 4
} pcclAttribute_t;

typedef enum pcclSharedStateSyncStrategy_t {
  // What most hold is what all get; then all must say so.
  PCCL_SHARED_STATE_SYNC_STRATEGY_ENFORCE_POPULAR = 0,
  // This peer's contents do not count and may be overwritten.
  PCCL_SHARED_STATE_SYNC_STRATEGY_RECEIVE_ONLY = 1,
  // This peer's contents are what all get; several such peers must hold the same.
  PCCL_SHARED_STATE_SYNC_STRATEGY_SEND_ONLY = 2
} pcclSharedStateSyncStrategy_t;

typedef struct pcclCommCreateParams_t {
  ccoip_socket_address_t master_address;
  // Peers with the same number reduce and share state with one another.
  uint32_t peer_group;
  // Taken and not needed: operations under way together share rounds.
  uint32_t p2p_connection_pool_size;
} pcclCommCreateParams_t;

typedef struct pcclComm_t pcclComm_t;
typedef struct pcclRankInfo_t pcclRankInfo_t;

typedef struct pcclReduceInfo_t {
  // How many peers the result is of.
  uint32_t local_world_size;
  uint64_t tx_bytes;
  uint64_t rx_bytes;
} pcclReduceInfo_t;

typedef enum pcclDistributionHint_t {
  pcclDistributionNone = 0,
  pcclDistributionNormal = 1,
  pcclDistributionUniform = 2
} pcclDistributionHint_t;

typedef struct pcclReduceOperandDescriptor_t {
  pcclDataType_t datatype;
  pcclDistributionHint_t distribution_hint;
} pcclReduceOperandDescriptor_t;

typedef enum pcclQuantizationAlgorithm_t {
  pcclQuantNone = 0,
  pcclQuantMinMax = 1,
  pcclQuantZeroPointScale = 2
} pcclQuantizationAlgorithm_t;

typedef struct pcclQuantizationOptions_t {
  pcclDataType_t quantized_datatype;
  pcclQuantizationAlgorithm_t algorithm;
} pcclQuantizationOptions_t;

typedef struct pcclReduceDescriptor_t {
  size_t count;
  pcclRedOp_t op;
  // Tells operations apart that are under way together; the same on all peers.
  uint64_t tag;
  pcclReduceOperandDescriptor_t src_descriptor;
  pcclQuantizationOptions_t quantization_options;
} pcclReduceDescriptor_t;

typedef struct pcclReduceSingleDescriptor_t {
  void *sendbuf;
  void *recvbuf;
  pcclReduceDescriptor_t descriptor;
} pcclReduceOpDescriptor_t;

typedef struct pcclAsyncReduceOp_t {
  pcclComm_t *comm;
  uint64_t tag;
} pcclAsyncReduceOp_t;

typedef struct pcclRankUuid_t {
  uint8_t data[16];
} pcclRankUuid_t;

typedef struct pcclTensorInfo_t {
  const char *name;
  void *data;
  size_t count;
  pcclDataType_t datatype;
  pcclDeviceType_t device_type;
  // Differing contents are no reason to fetch this tensor; an outdated revision is.
  bool allow_content_inequality;
} pcclTensorInfo_t;

typedef struct pcclSharedState_t {
  uint64_t revision;
  size_t count;
  pcclTensorInfo_t *infos;
} pcclSharedState_t;

typedef struct pcclSharedStateSyncInfo_t {
  uint64_t tx_bytes;
  uint64_t rx_bytes;
} pcclSharedStateSyncInfo_t;

typedef struct pcclMasterInstanceState_t pcclMasterInstance_t;

typedef struct pcclBuildInfo_t {
  bool has_cuda_support;
} pcclBuildInfo_t;

// Before all else; again does nothing.
PCCL_EXPORT pcclResult_t pcclInit(void);

PCCL_EXPORT pcclResult_t pcclCreateCommunicator(
    const pcclCommCreateParams_t *params, pcclComm_t **comm_out);
PCCL_EXPORT pcclResult_t pcclGetAttribute(
    const pcclComm_t *communicator, pcclAttribute_t attribute, int *p_attribute_out);
PCCL_EXPORT pcclResult_t pcclDestroyCommunicator(pcclComm_t *communicator);

// Returns once the peers that are in the run have all called pcclUpdateTopology.
PCCL_EXPORT pcclResult_t pcclConnect(pcclComm_t *communicator);

// All peers together: takes in who waits.
PCCL_EXPORT pcclResult_t pcclUpdateTopology(pcclComm_t *communicator);
// All peers together: whether anybody waits.
PCCL_EXPORT pcclResult_t pcclArePeersPending(const pcclComm_t *communicator, bool *pending_out);
// All peers together. Ferry chooses the algorithm with every round; nothing is left to do.
PCCL_EXPORT pcclResult_t pcclOptimizeTopology(const pcclComm_t *communicator);

PCCL_EXPORT pcclResult_t pcclAllReduce(
    const void *sendbuff, void *recvbuff, const pcclReduceDescriptor_t *descriptor,
    const pcclComm_t *communicator, pcclReduceInfo_t *PCCL_NULLABLE reduce_info_out);
// The buffers are the library's until the operation was awaited.
PCCL_EXPORT pcclResult_t pcclAllReduceAsync(
    const void *sendbuff, void *recvbuff, const pcclReduceDescriptor_t *descriptor,
    const pcclComm_t *communicator, pcclAsyncReduceOp_t *reduce_handle_out);
PCCL_EXPORT pcclResult_t pcclAllReduceMultipleWithRetry(
    const pcclReduceOpDescriptor_t *descriptors, size_t count, const pcclComm_t *communicator,
    pcclReduceInfo_t *PCCL_NULLABLE reduce_info_out, int max_in_flight);
PCCL_EXPORT pcclResult_t pcclAwaitAsyncReduce(
    const pcclAsyncReduceOp_t *reduce_handle, pcclReduceInfo_t *PCCL_NULLABLE reduce_info_out);

// All peers together; the revision may change.
PCCL_EXPORT pcclResult_t pcclSynchronizeSharedState(
    const pcclComm_t *communicator, pcclSharedState_t *shared_state,
    pcclSharedStateSyncStrategy_t strategy, pcclSharedStateSyncInfo_t *PCCL_NULLABLE sync_info_out);

PCCL_EXPORT pcclResult_t pcclCreateMaster(
    ccoip_socket_address_t listen_address, pcclMasterInstance_t **p_master_handle_out);
// Returns at once; the master runs on a thread of its own.
PCCL_EXPORT pcclResult_t pcclRunMaster(pcclMasterInstance_t *master_instance);
PCCL_EXPORT pcclResult_t pcclInterruptMaster(pcclMasterInstance_t *master_instance);
PCCL_EXPORT pcclResult_t pcclMasterAwaitTermination(pcclMasterInstance_t *master_instance);
PCCL_EXPORT pcclResult_t pcclDestroyMaster(pcclMasterInstance_t *master_instance);

PCCL_EXPORT pcclResult_t pcclGetBuildInfo(pcclBuildInfo_t *info);

#ifdef __cplusplus
}
#endif
#endif
