// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// `a: [n, k] · b: [k, m]`, row after row.
package func matrixProduct(_ a: [Double], _ b: [Double], inner: Int) -> [Double] {
  var out = [Double](repeating: 0, count: a.count / inner * (b.count / inner))
  var span = out.mutableSpan
  MatrixKernels.product(a.span, b.span, inner: inner, into: &span)
  return out
}

/// `[m, n]` from `[n, m]`.
package func transposed(_ a: [Double], rows n: Int) -> [Double] {
  let m = a.count / n
  var turned = [Double](repeating: 0, count: a.count)
  for i in 0..<n {
    for j in 0..<m { turned[j * n + i] = a[i * m + j] }
  }
  return turned
}
