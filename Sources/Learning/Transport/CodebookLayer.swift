// SPDX-License-Identifier: Apache-2.0

public import FerryOptimalTransport

/// Vectors as codewords that are learned with the network before them: each part of a vector becomes
/// a codeword of that part's codebook (Zhan et al. 2022, RepCONC).
///
/// Who takes which codeword is decided on the host and has no gradient. Where codewords are given out
/// by transport to equal masses all of them are used, and learn; nearest ones alone leave a codeword
/// that nobody is near where it is.
public struct CodebookLayer: ParameterTree {
  /// `[parts, codewords, d / parts]`.
  public var codebooks: Tensor

  /// A layer of given codebooks.
  ///
  /// - Throws: `.shapeMismatch` for other than three axes, or more codewords than a product quantizer
  ///   takes.
  public init(_ codebooks: Tensor) throws(LearningError) {
    let shape = codebooks.shape
    let most = ProductQuantizer.codewordsMax
    guard shape.count == 3, shape[1] <= most else {
      throw .shapes(
        "codebook layer", shape, [-1, most, -1],
        remedy: "Give [parts, codewords, coordinates], and at most \(most) codewords.")
    }
    self.codebooks = codebooks
  }

  /// What came of vectors.
  public struct Quantized: Sendable {
    /// Each vector's codewords, `[n, d]`, whose gradient goes to the codebooks alone: for the error that
    /// coding makes.
    public let chosen: Tensor
    /// The same numbers, whose gradient goes to the codebooks and, straight through, to the vectors as
    /// if they had not been coded (Bengio et al. 2013): for the loss.
    public let vectors: Tensor
    /// The codes, `[n, parts]`.
    public let codes: [UInt8]
  }

  /// Codes vectors `[n, d]`.
  ///
  /// - Parameter assignment: who takes which codeword; `.nearest` is how a search index codes, the
  ///   others are for training, on batches of at least four vectors a codeword.
  /// - Throws: `LearningError.shapeMismatch` for vectors that do not fit the codebooks; as
  ///   `CodeAssignment.assign`.
  public func callAsFunction(
    _ x: Tensor, assigning assignment: CodeAssignment
  ) throws -> Quantized {
    let (shape, book) = (x.shape, codebooks.shape)
    let (parts, words, width) = (book[0], book[1], book[2])
    guard shape.count == 2, shape[1] == parts * width else {
      throw LearningError.shapes(
        "codebook layer", shape, [-1, parts * width],
        remedy: "Give [vectors, coordinates] of as many coordinates as codebooks have in all.")
    }
    let n = shape[0]
    let codebooks = try quantizer().codebooks
    let numbers = try x.withoutGradient().floats()
    var codes = [UInt8](repeating: 0, count: n * parts)
    var places = [Int32](repeating: 0, count: n * parts)
    for part in 0..<parts {
      let own = (0..<n).flatMap { i in
        let start = (i * parts + part) * width
        return numbers[start..<start + width]
      }
      let taken = try assignment.assign(
        Points(floats: own, dimensions: width), to: codebooks[part])
      for (i, word) in taken.enumerated() {
        codes[i * parts + part] = UInt8(word)
        places[i * parts + part] = Int32(part * words + word)
      }
    }
    let chosen = try self.codebooks.reshaped([parts * words, width])
      .rows(at: Tensor(integers: places, shape: [n, parts])).reshaped([n, parts * width])
    return Quantized(
      chosen: chosen, vectors: try chosen + (x - x.withoutGradient()), codes: codes)
  }

  /// The codebooks as they are, to code and search with.
  ///
  /// - Throws: `TransportError.badPoint` where a codeword is not finite.
  public func quantizer() throws -> ProductQuantizer {
    let shape = codebooks.shape
    let numbers = try codebooks.withoutGradient().floats()
    let each = shape[1] * shape[2]
    return try ProductQuantizer(
      codebooks: (0..<shape[0]).map {
        try Points(floats: Array(numbers[$0 * each..<($0 + 1) * each]), dimensions: shape[2])
      })
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.parameter("codebooks", &codebooks)
  }
}
