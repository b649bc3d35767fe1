// SPDX-License-Identifier: Apache-2.0

extension Safetensors {
  /// Reads a safetensors file that is in memory already, as untrusted as one on disk.
  ///
  /// - Parameter path: what errors call it.
  /// - Returns: copies of the tensors, in the order of their bytes, and the file's metadata.
  /// - Throws: `.truncated`, `.malformed`, `.unsupported`, `.badShape`.
  public static func decode(
    _ bytes: [UInt8], path: String
  ) throws(TensorError) -> (tensors: [Named], metadata: [String: String]) {
    // SAFETY: bytes have no padding, and the array outlives the view.
    let raw = unsafe bytes.span.bytes
    let header = try SafetensorsHeader(raw, path: path)
    var tensors: [Named] = []
    for entry in header.entries {
      let tensor = try HostTensor(
        elementType: entry.elementType, shape: entry.shape, copying: raw.extracting(entry.range))
      tensors.append((entry.name, tensor))
    }
    return (tensors, header.metadata)
  }
}
