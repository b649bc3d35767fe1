// SPDX-License-Identifier: Apache-2.0

/// A small network of our own in the form of grn.
enum MadeNetwork {
  static let files: [String: [UInt8]] = [
    "grn/krumsiek11.txt": Array(rules.utf8),
    "grn/krumsiek11_params.txt": Array("branching = False\ntmax = 80\n".utf8),
  ]

  /// Two that exclude each other, what follows from them, and one that needs all.
  static let rules = """
    # ours
    # invTimeStep = 0.1
    Gata2 = Gata2 and not Pu.1
    Pu.1 = (Pu.1 or Cebpa) and not Gata2
    Cebpa = Cebpa and not late
    early = Gata2 or (Pu.1 and not late)
    late = early and not Cebpa
    # coupling list:
    Gata2   Gata2   2
    Gata2   Pu.1   -1
    Pu.1    Pu.1    2.0
    Pu.1    Cebpa   1.5
    Pu.1    Gata2  -1
    Cebpa   Cebpa   4
    Cebpa   late   -0.5
    early   Gata2   1
    early   Pu.1    1
    early   late   -1
    late    early   1
    late    Cebpa  -1
    """
}
