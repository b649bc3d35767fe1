// SPDX-License-Identifier: Apache-2.0

import CMLX

/// Operations with kernels of our own on CPUs. All take and give f32.
extension Tensor {
  /// Gaussian error linear unit in its tanh form.
  public func gelu() throws(LearningError) -> Tensor {
    Tensor(
      // SAFETY: the handles live through the call, and the shim is told how many there are.
      try unsafe Handle.make("gelu") { result in
        unsafe handle.lend { unsafe fmlx_gelu($0, result) }
      })
  }

  /// Softmax over the last axis; causal: row r of the last two axes sees columns 0 ... r only.
  public func softmax(
    scale: Float = 1, masking mask: SoftmaxMask = .none
  ) throws(LearningError) -> Tensor {
    let shape = shape
    if shape.isEmpty { throw .shapes("softmax", shape, [-1], remedy: "Give at least one axis.") }
    if mask == .causal, shape.count < 2 || shape[shape.count - 1] != shape[shape.count - 2] {
      throw LearningError(
        .shapeMismatch, "\(shape) is not square in its last two axes", place: "softmax",
        remedy: "A causal mask needs as many rows as columns.")
    }
    return Tensor(
      try unsafe Handle.make("softmax") { result in
        unsafe handle.lend { unsafe fmlx_softmax($0, mask == .causal, scale, result) }
      })
  }

  /// Layer normalization over the last axis, with weight and bias of that extent.
  public func layerNorm(
    weight: Tensor, bias: Tensor, epsilon: Float
  ) throws(LearningError) -> Tensor {
    try requireFeatures("layer norm", weight, bias)
    return Tensor(
      try unsafe Handle.make("layer norm") { result in
        unsafe handle.lend { x in
          unsafe weight.handle.lend { w in
            unsafe bias.handle.lend { b in unsafe fmlx_layer_norm(x, w, b, epsilon, result) }
          }
        }
      })
  }

  /// Root-mean-square normalization over the last axis, with a weight of that extent.
  public func rmsNorm(weight: Tensor, epsilon: Float) throws(LearningError) -> Tensor {
    try requireFeatures("RMS norm", weight)
    return Tensor(
      try unsafe Handle.make("RMS norm") { result in
        unsafe handle.lend { x in
          unsafe weight.handle.lend { w in unsafe fmlx_rms_norm(x, w, epsilon, result) }
        }
      })
  }

  /// `self [..., k] · weight [k, n] + bias [n]`.
  public func linear(weight: Tensor, bias: Tensor?) throws(LearningError) -> Tensor {
    let w = weight.shape
    guard w.count == 2, shape.last == w[0] else {
      throw .shapes(
        "linear", shape, w, remedy: "The input's last extent must be the weight's first.")
    }
    if let bias, bias.shape != [w[1]] {
      throw .shapes(
        "linear", w, bias.shape, remedy: "The bias must have the weight's second extent.")
    }
    return Tensor(
      try unsafe Handle.make("linear") { result in
        unsafe handle.lend { x in
          unsafe weight.handle.lend { w in
            guard let bias else { return unsafe fmlx_linear(x, w, nil, result) }
            return unsafe bias.handle.lend { b in unsafe fmlx_linear(x, w, b, result) }
          }
        }
      })
  }

  /// Causal self-attention on packed queries, keys and values.
  ///
  /// `self` is `[batch, time, 3 · width]`: first all heads' queries, then keys, then values. Gives
  /// `[batch, time, width]`. `heads` divides `width`.
  public func causalAttention(heads: Int) throws(LearningError) -> Tensor {
    guard shape.count == 3, heads > 0, shape[2] % (3 * heads) == 0 else {
      throw LearningError(
        .shapeMismatch, "\(shape) does not hold queries, keys and values of \(heads) heads",
        place: "attention", remedy: "Give [batch, time, 3 · heads · head width].")
    }
    return Tensor(
      try unsafe Handle.make("attention") { result in
        unsafe handle.lend { unsafe fmlx_attention($0, Int32(heads), result) }
      })
  }

  /// Rows of this `[n, width]` table at i32 indices of any shape; an index outside gives NaN.
  public func rows(at indices: Tensor) throws(LearningError) -> Tensor {
    try indices.require(.i32, "embedding")
    guard shape.count == 2 else {
      throw .shapes(
        "embedding", shape, indices.shape, remedy: "The table must have two dimensions.")
    }
    return Tensor(
      try unsafe Handle.make("embedding") { result in
        unsafe handle.lend { t in
          unsafe indices.handle.lend { i in unsafe fmlx_embedding(t, i, result) }
        }
      })
  }

  /// `self [batch, time, width]` plus the first `time` rows of `table [places, width]`, in each row
  /// of the batch.
  public func addingPositions(_ table: Tensor) throws(LearningError) -> Tensor {
    let (x, t) = (shape, table.shape)
    guard x.count == 3, t.count == 2, x[2] == t[1], x[1] <= t[0] else {
      throw .shapes(
        "positions", x, t,
        remedy: "Give [batch, time, width] and [places, width], no fewer places than times.")
    }
    return Tensor(
      try unsafe Handle.make("positions") { result in
        unsafe handle.lend { x in
          unsafe table.handle.lend { t in unsafe fmlx_add_positions(x, t, result) }
        }
      })
  }

  /// Convolution of `[batch, height, width, in]` with `weight [out, kh, kw, in]` and `bias [out]`.
  public func convolution(
    weight: Tensor, bias: Tensor, stride: Int, padding: Int
  ) throws(LearningError) -> Tensor {
    let (x, w) = (shape, weight.shape)
    guard x.count == 4, w.count == 4, x[3] == w[3], stride > 0, padding >= 0,
      x[1] + 2 * padding >= w[1], x[2] + 2 * padding >= w[2]
    else {
      throw .shapes(
        "convolution", x, w,
        remedy: "Give [batch, height, width, in] and [out, kh, kw, in], the kernel not the larger.")
    }
    guard bias.shape == [w[0]] else {
      throw .shapes(
        "convolution", w, bias.shape, remedy: "The bias must have the weight's first extent.")
    }
    return Tensor(
      try unsafe Handle.make("convolution") { result in
        unsafe handle.lend { x in
          unsafe weight.handle.lend { w in
            unsafe bias.handle.lend { b in
              unsafe fmlx_convolution(x, w, b, Int32(stride), Int32(padding), result)
            }
          }
        }
      })
  }

  /// The largest or mean element of square windows over `[batch, height, width, channels]`.
  public func pooled(
    _ kind: Pooling, window: Int, stride: Int
  ) throws(LearningError) -> Tensor {
    guard shape.count == 4, window > 0, stride > 0, shape[1] >= window, shape[2] >= window else {
      throw .shapes(
        "pooling", shape, [window, window],
        remedy: "Give [batch, height, width, channels] no smaller than the window.")
    }
    return Tensor(
      try unsafe Handle.make("pooling") { result in
        unsafe handle.lend {
          unsafe fmlx_pool(kind == .max ? 0 : 1, $0, Int32(window), Int32(stride), result)
        }
      })
  }

  /// Mean cross-entropy, in nats, of logits `[..., classes]` against i32 classes `[...]`.
  ///
  /// Finite logits and classes within range give a finite loss; a class out of range, or NaN in the
  /// logits, gives NaN and reads nothing it should not.
  public func crossEntropy(_ classes: Tensor) throws(LearningError) -> Tensor {
    try classes.require(.i32, "cross-entropy")
    guard Array(shape.dropLast()) == classes.shape, !shape.isEmpty, count > 0 else {
      throw .shapes(
        "cross-entropy", shape, classes.shape, remedy: "Give one class for each row of logits.")
    }
    return Tensor(
      try unsafe Handle.make("cross-entropy") { result in
        unsafe handle.lend { l in
          unsafe classes.handle.lend { c in unsafe fmlx_cross_entropy(l, c, result) }
        }
      })
  }

  private func requireFeatures(_ operation: String, _ parts: Tensor...) throws(LearningError) {
    for part in parts where part.shape != shape.suffix(1) || shape.isEmpty {
      throw .shapes(
        operation, shape, part.shape, remedy: "Weight and bias must have the input's last extent.")
    }
  }
}

/// Which columns a row of a softmax sees.
public enum SoftmaxMask: Sendable {
  case none
  /// Row r of the last two axes sees columns 0 ... r.
  case causal
}

/// What is kept of a window.
public enum Pooling: Sendable {
  case max, mean
}
