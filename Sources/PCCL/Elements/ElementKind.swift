// SPDX-License-Identifier: Apache-2.0

import FerryCollectives
import FerryTensors

/// What a tensor is made of; the numbers are those of `pcclDataType_t`.
enum ElementKind: UInt8, CaseIterable, Sendable {
  case uint8, int8, int16, uint16, uint32, int32, uint64, int64, float16, bfloat16, float32, float64

  var type: ElementType {
    switch self {
    case .uint8: .u8
    case .int8: .i8
    case .int16: .i16
    case .uint16: .u16
    case .uint32: .u32
    case .int32: .i32
    case .uint64: .u64
    case .int64: .i64
    case .float16: .f16
    case .bfloat16: .bf16
    case .float32: .f32
    case .float64: .f64
    }
  }
}

/// How values become one; the numbers are those of `pcclRedOp_t`.
enum ElementOperation: UInt8, CaseIterable, Sendable {
  case sum, average, product, maximum, minimum

  var reduce: ReduceOperation {
    switch self {
    case .sum: .sum
    case .average: .mean
    case .product: .product
    case .maximum: .max
    case .minimum: .min
    }
  }
}
