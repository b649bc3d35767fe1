// SPDX-License-Identifier: Apache-2.0

/// The size of a GPT.
public struct GPTConfiguration: Hashable, Sendable, Codable {
  /// Different tokens.
  public var vocabulary: Int
  /// Tokens it sees at most.
  public var context: Int
  public var layers: Int
  public var width: Int
  /// Divides `width`.
  public var heads: Int

  /// Each at least 1 and at most this.
  public static let extentMax = 1 << 20
  /// Parameters at most.
  public static let parametersMax = 1 << 31

  public init(vocabulary: Int, context: Int, layers: Int, width: Int, heads: Int) {
    self.vocabulary = vocabulary
    self.context = context
    self.layers = layers
    self.width = width
    self.heads = heads
  }

  /// Elements of all parameters together; known without making them.
  public var parameterCount: Int {
    let block = 12 * width * width + 13 * width
    return (2 * vocabulary + context + 2) * width + layers * block
  }

  /// Throws `.badConfiguration` where no model of this size can be.
  public func validate() throws(LearningError) {
    let parts = [
      ("vocabulary", vocabulary), ("context", context), ("layers", layers), ("width", width),
      ("heads", heads),
    ]
    for (name, extent) in parts where !(1...Self.extentMax).contains(extent) {
      throw LearningError(
        .badConfiguration, "\(name) is \(extent)", place: "GPT",
        remedy: "Use 1 to \(Self.extentMax).")
    }
    guard width % heads == 0 else {
      throw LearningError(
        .badConfiguration, "\(heads) heads do not divide a width of \(width)", place: "GPT",
        remedy: "Choose a width that is a multiple of the number of heads.")
    }
    guard parameterCount <= Self.parametersMax else {
      throw LearningError(
        .badConfiguration, "\(parameterCount) parameters", place: "GPT",
        remedy: "At most \(Self.parametersMax) are supported.")
    }
  }
}
