// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Which build of a kernel runs. All write the same bits; tests compare them.
package enum KernelBuild: CaseIterable, Sendable {
  /// The C loop, in the widest form that this CPU has.
  case best
  /// The C loop for any CPU of this architecture.
  case generic
  /// The reference in Swift, element by element.
  case plain

  /// The name of what `best` is here: `avx2` or `generic`.
  package static var bestName: String {
    // SAFETY: the C side returns a string constant.
    unsafe String(cString: ferry_kernel_build())
  }
}

/// The only place where spans become pointers for C. Counts are checked by the callers in
/// `Kernels`, which are the API.
enum KernelCalls {
  typealias OneInOneOut = (UnsafeRawPointer?, UnsafeMutableRawPointer?, Int) -> Void

  /// Runs a loop that reads `count` elements, in any alignment, and writes or updates as many.
  static func run<Out: BitwiseCopyable>(
    _ kernel: OneInOneOut, _ source: RawSpan, _ target: inout MutableSpan<Out>, count: Int
  ) {
    unsafe source.withUnsafeBytes { x in
      unsafe target.withUnsafeMutableBytes { y in
        // SAFETY: both hold `count` elements, and a mutable span overlaps no other.
        unsafe kernel(x.baseAddress, y.baseAddress, count)
      }
    }
  }

  /// Folds as many elements as `target` has, which lie in `bytes` in any alignment, into it.
  static func fold<Element: BitwiseCopyable>(
    _ element: Int32, _ fold: Int32, _ bytes: RawSpan, _ target: inout MutableSpan<Element>,
    generic: Bool
  ) {
    unsafe bytes.withUnsafeBytes { z in
      unsafe target.withUnsafeMutableBufferPointer { y in
        // SAFETY: both hold `y.count` elements of the type that the code names (checked by
        // `Kernels.fold`), and a mutable span overlaps no other.
        unsafe (generic ? ferry_fold_generic : ferry_fold)(
          element, fold, y.baseAddress, z.baseAddress, y.baseAddress, y.count)
      }
    }
  }

  /// Folds the elements of two into as many elsewhere; `target` is of elements, or of their bytes.
  static func fold<Target: BitwiseCopyable>(
    _ element: Int32, _ fold: Int32, _ first: RawSpan, _ second: RawSpan,
    into target: inout MutableSpan<Target>, count: Int
  ) {
    unsafe first.withUnsafeBytes { x in
      unsafe second.withUnsafeBytes { z in
        unsafe target.withUnsafeMutableBytes { y in
          // SAFETY: as above, for all three; the loops read and write in any alignment.
          unsafe ferry_fold(element, fold, x.baseAddress, z.baseAddress, y.baseAddress, count)
        }
      }
    }
  }

  static func scale(_ target: inout MutableSpan<Float>, by scale: Float, generic: Bool) {
    unsafe target.withUnsafeMutableBufferPointer { y in
      // SAFETY: `y` holds `y.count` elements.
      unsafe (generic ? ferry_scale_f32_generic : ferry_scale_f32)(scale, y.baseAddress, y.count)
    }
  }

  static func axpy(
    _ scale: Float, _ source: Span<Float>, _ target: inout MutableSpan<Float>, generic: Bool
  ) {
    unsafe source.withUnsafeBufferPointer { x in
      unsafe target.withUnsafeMutableBufferPointer { y in
        // SAFETY: as in `run`.
        unsafe (generic ? ferry_axpy_f32_generic : ferry_axpy_f32)(
          scale, x.baseAddress, y.baseAddress, x.count)
      }
    }
  }

  static func firstNonFinite(_ values: Span<Float>, generic: Bool) -> Int {
    unsafe values.withUnsafeBufferPointer { x in
      // SAFETY: `x` holds `x.count` elements.
      unsafe (generic ? ferry_first_nonfinite_f32_generic : ferry_first_nonfinite_f32)(
        x.baseAddress, x.count)
    }
  }

  static func firstNonFinite(bfloat16 bytes: RawSpan, generic: Bool) -> Int {
    unsafe bytes.withUnsafeBytes { x in
      // SAFETY: `x` holds half as many elements as bytes.
      unsafe (generic ? ferry_first_nonfinite_bf16_generic : ferry_first_nonfinite_bf16)(
        x.baseAddress, x.count / 2)
    }
  }

  static func int8Encode(
    _ values: Span<Float>, block: Int, seed: UInt64?, into codes: inout MutableSpan<UInt8>,
    generic: Bool
  ) -> Int {
    unsafe values.withUnsafeBufferPointer { x in
      unsafe codes.withUnsafeMutableBufferPointer { out in
        // SAFETY: `out` has a step for every block and a code for every element of `x`.
        if let seed {
          unsafe (generic ? ferry_int8_encode_stochastic_generic : ferry_int8_encode_stochastic)(
            x.baseAddress, x.count, block, seed, out.baseAddress)
        } else {
          unsafe (generic ? ferry_int8_encode_nearest_generic : ferry_int8_encode_nearest)(
            x.baseAddress, x.count, block, out.baseAddress)
        }
      }
    }
  }

  static func int8Check(_ codes: Span<UInt8>, count: Int, block: Int, generic: Bool) -> Int {
    unsafe codes.withUnsafeBufferPointer { bytes in
      // SAFETY: `bytes` has a step for every block of `count` elements and a code for each.
      unsafe (generic ? ferry_int8_check_generic : ferry_int8_check)(
        bytes.baseAddress, count, block)
    }
  }

  static func fingerprint(_ bytes: RawSpan, key: Span<UInt32>, generic: Bool) -> [UInt64] {
    let block = Int(FERRY_FINGERPRINT_BLOCK)
    precondition(key.count == Int(FERRY_FINGERPRINT_KEY), "a key of \(key.count) words")
    let count = (bytes.byteCount + block - 1) / block * Int(FERRY_FINGERPRINT_SUMS)
    var sums = [UInt64](repeating: 0, count: count)
    unsafe bytes.withUnsafeBytes { x in
      unsafe key.withUnsafeBufferPointer { key in
        // SAFETY: the key has its length, and `sums` its places for every block of `x`.
        unsafe (generic ? ferry_fingerprint_generic : ferry_fingerprint)(
          x.baseAddress, x.count, key.baseAddress, &sums)
      }
    }
    return sums
  }

  static func int4Encode(
    _ values: Span<Float>, block: Int, seed: UInt64?, into codes: inout MutableSpan<UInt8>,
    generic: Bool
  ) -> Int {
    unsafe values.withUnsafeBufferPointer { x in
      unsafe codes.withUnsafeMutableBufferPointer { out in
        // SAFETY: `out` has a step for every block of `x` and a byte for each two of its elements.
        if let seed {
          unsafe (generic ? ferry_int4_encode_stochastic_generic : ferry_int4_encode_stochastic)(
            x.baseAddress, x.count, block, seed, out.baseAddress)
        } else {
          unsafe (generic ? ferry_int4_encode_nearest_generic : ferry_int4_encode_nearest)(
            x.baseAddress, x.count, block, out.baseAddress)
        }
      }
    }
  }

  static func int4Check(_ codes: Span<UInt8>, count: Int, block: Int, generic: Bool) -> Int {
    unsafe codes.withUnsafeBufferPointer { bytes in
      // SAFETY: `bytes` has a step for every block and a byte for each two of its elements.
      unsafe (generic ? ferry_int4_check_generic : ferry_int4_check)(
        bytes.baseAddress, count, block)
    }
  }

  typealias BlockDecode =
    @convention(c) (UnsafePointer<UInt8>?, Int, Int, UnsafeMutablePointer<Float>?) -> Void

  static func decodeBlocks(
    _ kernel: BlockDecode, _ codes: Span<UInt8>, block: Int, into values: inout MutableSpan<Float>
  ) {
    unsafe codes.withUnsafeBufferPointer { bytes in
      unsafe values.withUnsafeMutableBufferPointer { y in
        // SAFETY: as for `int8Check` and `int4Check`, with `y.count` elements.
        unsafe kernel(bytes.baseAddress, y.count, block, y.baseAddress)
      }
    }
  }

  static func largest(
    _ values: Span<Float>, into indices: inout MutableSpan<UInt32>, generic: Bool
  ) -> Int {
    unsafe values.withUnsafeBufferPointer { x in
      unsafe indices.withUnsafeMutableBufferPointer { out in
        // SAFETY: `out` has room for as many indices as are asked for, at most `x.count`.
        unsafe (generic ? ferry_top_k_select_generic : ferry_top_k_select)(
          x.baseAddress, x.count, out.count, out.baseAddress)
      }
    }
  }

  /// The bytes of a layout whose origin is byte `origin` of `wide`, one after the other.
  static func pack<Out: BitwiseCopyable>(
    _ block: StridedBlock, _ wide: RawSpan, at origin: Int, into packed: inout MutableSpan<Out>,
    generic: Bool
  ) {
    unsafe wide.withUnsafeBytes { x in
      unsafe packed.withUnsafeMutableBytes { y in
        let kernel = unsafe generic ? ferry_strided_pack_generic : ferry_strided_pack
        // SAFETY: the layout's footprint lies in `x`, `y` takes its bytes (both checked by
        // `StridedBlock`, which has some bytes then); a mutable span overlaps no other.
        unsafe kernel(
          x.baseAddress! + origin + block.start, y.baseAddress, block.counts.count, block.counts,
          block.strides)
      }
    }
  }

  /// The reverse.
  static func unpack<Out: BitwiseCopyable>(
    _ block: StridedBlock, _ packed: RawSpan, into wide: inout MutableSpan<Out>, at origin: Int,
    generic: Bool
  ) {
    unsafe packed.withUnsafeBytes { x in
      unsafe wide.withUnsafeMutableBytes { y in
        let kernel = unsafe generic ? ferry_strided_unpack_generic : ferry_strided_unpack
        // SAFETY: as for `pack`, with `x` and `y` exchanged.
        unsafe kernel(
          x.baseAddress, y.baseAddress! + origin + block.start, block.counts.count, block.counts,
          block.strides)
      }
    }
  }
}
