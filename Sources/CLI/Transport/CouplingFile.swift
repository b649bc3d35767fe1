// SPDX-License-Identifier: Apache-2.0

package import FerryOptimalTransport
import FerryTensors
import Foundation

/// The form of a file that a coupling is written to.
package enum CouplingFile: Sendable {
  /// Every entry, `[rows, columns]` of f64.
  case npy
  /// A line `row,column,mass` for each entry that counts, rows and columns from 0.
  case csv

  /// The largest coupling that is written or drawn: 2 GiB of f64.
  package static let entriesMax = 1 << 28
  /// Entries of entropic couplings below this share of the mass are left out of a csv file.
  package static let shareLeftOut = 1e-12

  /// - Throws: `.fileUnwritable` for a name that is neither.
  package init(path: String) throws(CLIError) {
    switch path.lowercased() {
    case let name where name.hasSuffix(".npy"): self = .npy
    case let name where name.hasSuffix(".csv"): self = .csv
    default:
      throw CLIError(
        .fileUnwritable, what: "a coupling is written as .npy or .csv", place: path,
        remedy: "End the name with .npy for every entry, or with .csv for those that have mass.")
    }
  }

  /// - Throws: `.couplingTooLarge`, `.fileUnwritable`, `TensorError`.
  package func write(_ coupling: Coupling, to path: String) throws {
    switch self {
    case .npy:
      try Self.requireFit(coupling)
      let dense = coupling.dense()
      try Npy.write(
        HostTensor(dense.masses, shape: Shape([dense.rowCount, dense.columnCount])), to: path)
    case .csv:
      let entries = try Self.entries(of: coupling)
      var text = "row,column,mass\n"
      for entry in entries { text += "\(entry.row),\(entry.column),\(entry.mass)\n" }
      try BoundedFile.write(text, to: path)
    }
  }

  /// One entry of a coupling.
  package struct Entry: Equatable, Sendable {
    package let row: Int
    package let column: Int
    package let mass: Double
  }

  /// The entries that count, row after row: all that an exact coupling has.
  ///
  /// - Throws: `.couplingTooLarge` where there would be no room for the others.
  package static func entries(
    of coupling: Coupling, above share: Double = shareLeftOut
  ) throws(CLIError) -> [Entry] {
    if case .sparse(let sparse) = coupling {
      return sparse.rows.indices.map {
        Entry(row: sparse.rows[$0], column: sparse.columns[$0], mass: sparse.masses[$0])
      }
    }
    try requireFit(coupling)
    let dense = coupling.dense()
    let floor = share * dense.masses.reduce(0, +)
    return dense.masses.indices.filter { dense.masses[$0] > floor }.map {
      Entry(row: $0 / dense.columnCount, column: $0 % dense.columnCount, mass: dense.masses[$0])
    }
  }

  private static func requireFit(_ coupling: Coupling) throws(CLIError) {
    guard coupling.columnCount <= entriesMax / coupling.rowCount else {
      throw CLIError(
        .couplingTooLarge,
        what: "\(coupling.rowCount) × \(coupling.columnCount) entries, more than \(entriesMax)",
        place: "coupling",
        remedy: "Solve exactly and write .csv, or leave the coupling out: ferry ot distance.")
    }
  }
}
