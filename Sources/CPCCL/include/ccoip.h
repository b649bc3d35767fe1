// SPDX-License-Identifier: Apache-2.0
//
// Port numbers that programs written for PCCL 1.0 name. Of these Ferry uses the first, where a
// program asks for it; its peers listen on any port that is free.
#ifndef FERRY_CCOIP_H
#define FERRY_CCOIP_H

#define CCOIP_PROTOCOL_PORT_MASTER 48148
#define CCOIP_PROTOCOL_PORT_SHARED_STATE 48149
#define CCOIP_PROTOCOL_PORT_P2P 48150
#define CCOIP_PROTOCOL_PORT_BANDWIDTH_BENCHMARK 48151

#endif
