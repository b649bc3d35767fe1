// SPDX-License-Identifier: Apache-2.0

/// A Swift type that lies in memory as one of the element types does.
public protocol TensorElement: BitwiseCopyable, Sendable {
  /// The element type whose bytes these are.
  static var elementType: ElementType { get }
}

extension Float: TensorElement { public static var elementType: ElementType { .f32 } }
extension Double: TensorElement { public static var elementType: ElementType { .f64 } }
extension Half: TensorElement { public static var elementType: ElementType { .f16 } }
extension BFloat16: TensorElement { public static var elementType: ElementType { .bf16 } }
extension Int8: TensorElement { public static var elementType: ElementType { .i8 } }
extension Int16: TensorElement { public static var elementType: ElementType { .i16 } }
extension Int32: TensorElement { public static var elementType: ElementType { .i32 } }
extension Int64: TensorElement { public static var elementType: ElementType { .i64 } }
extension UInt8: TensorElement { public static var elementType: ElementType { .u8 } }
extension UInt16: TensorElement { public static var elementType: ElementType { .u16 } }
extension UInt32: TensorElement { public static var elementType: ElementType { .u32 } }
extension UInt64: TensorElement { public static var elementType: ElementType { .u64 } }

// `Bool` is left out on purpose: a byte of a file may be neither 0 nor 1, and a Swift `Bool` with
// such a byte is undefined. Read bool tensors with `HostTensor.flags()`.
