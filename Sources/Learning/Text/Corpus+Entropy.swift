// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What simple models of the same text reach, so that a loss can be judged.
///
/// Both are cross-entropies in bits per byte on the validation part, with probabilities from the
/// training part only: what a model that counts would really score, and so directly comparable with
/// a network's validation loss divided by ln 2.
extension Corpus {
  /// Bits per byte of a model that knows how often each byte occurs.
  ///
  /// `p(b) = (n(b) + 1) / (n + 256)`: add-one smoothing over the 256 bytes.
  public var unigramEntropy: Double {
    let probabilities = unigramProbabilities
    var counts = [Int](repeating: 0, count: 256)
    for byte in validation { counts[Int(byte)] += 1 }
    var bits = 0.0
    for byte in 0..<256 { bits -= Double(counts[byte]) * log2(probabilities[byte]) }
    return bits / Double(validation.count)
  }

  /// Bits per byte of a model that knows how often each byte follows each other.
  ///
  /// `p(b | a) = (n(a, b) + p(b)) / (n(a) + 1)`: as if every byte had been followed once more, by
  /// the unigram distribution. Add-one over 256 followers would make the baseline weaker.
  public var bigramEntropy: Double {
    let probabilities = unigramProbabilities
    var pairs = [Int](repeating: 0, count: 1 << 16)
    var firsts = [Int](repeating: 0, count: 256)
    var validationPairs = pairs
    for index in 1..<bytes.count {
      let pair = Int(bytes[index - 1]) << 8 | Int(bytes[index])
      if index < validationStart {
        pairs[pair] += 1
        firsts[pair >> 8] += 1
      } else {
        validationPairs[pair] += 1
      }
    }
    var bits = 0.0
    for pair in 0..<1 << 16 where validationPairs[pair] > 0 {
      let p = (Double(pairs[pair]) + probabilities[pair & 255]) / Double(firsts[pair >> 8] + 1)
      bits -= Double(validationPairs[pair]) * log2(p)
    }
    return bits / Double(validation.count)
  }

  private var unigramProbabilities: [Double] {
    var counts = [Int](repeating: 1, count: 256)
    for byte in training { counts[Int(byte)] += 1 }
    return counts.map { Double($0) / Double(training.count + 256) }
  }
}
