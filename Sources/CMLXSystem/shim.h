// SPDX-License-Identifier: Apache-2.0
// The MLX headers are C++ and are included by CMLX alone; this target only carries pkg-config flags.
