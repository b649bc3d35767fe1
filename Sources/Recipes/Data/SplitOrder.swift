// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// What some data hold, in the order of hashes of its names: the same in every run, whatever its seed, so
/// that what is held out by taking a part of it stays held out.
///
/// - Parameters:
///   - data: their name, such as a data item's key.
///   - name: of one, told apart from those of all others.
package func splitOrder<Item>(
  of data: String, _ items: some Sequence<Item>, by name: (Item) -> String = { "\($0)" }
) -> [Item] {
  let hashed = items.map { (hash: Seed(0).derived(data).derived(name($0)).value, item: $0) }
  return hashed.sorted { $0.hash < $1.hash }.map(\.item)
}
