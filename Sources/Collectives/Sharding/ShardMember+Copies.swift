// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning

/// Whether a rank's state is lost with it.
public enum ShardCopies: Sendable, Hashable {
  /// It is: a run goes on from checkpoints.
  case none
  /// After each step every rank gives a copy of its exact part to a neighbor across the outermost
  /// level. It costs that many bytes a step (12 a parameter owned, with AdamW), and four times the
  /// memory of the state, as both keep the step before, too.
  case neighbor
}

/// Copies of what one rank owns, with another.
struct ShardShelf: Sendable {
  /// What this rank owned before its last step.
  var before: ShardCheckpoint?
  /// What the neighbor owned after each of the last two steps, the newest last.
  var kept: [ShardCheckpoint] = []
}

extension ShardMember {
  /// All parts of the state that this rank can give when others are lost: its own, and its
  /// neighbor's; of the last step and of the one before, since ranks may be a step apart.
  ///
  /// From the first step on, those of the ranks that are left cover the run at one of the two,
  /// unless a rank and the neighbor that keeps its copy are lost together: see
  /// `ShardCheckpoint.newest`.
  public var parts: [ShardCheckpoint] {
    [checkpoint()] + [shelf.before].compactMap(\.self) + shelf.kept
  }

  /// Gives this rank's part to the next one across the outermost level, and takes that of the one
  /// before.
  mutating func copyState(over fabric: some ShardFabric) throws(CollectiveError) {
    let nest = layout.nest
    guard copies == .neighbor, let level = nest.sizes.lastIndex(where: { $0 > 1 }) else { return }
    let ranks = nest.fellows(of: rank, between: level..<level + 1)
    let place = nest.place(of: rank, at: level)
    let (keeper, giver) = (
      (place + 1) % ranks.count, (place + ranks.count - 1) % ranks.count
    )
    var given = [[UInt8]](repeating: [], count: ranks.count)
    given[keeper] = checkpoint().encoded()
    let came = try exchanged(given, among: ranks, over: fabric)
    do throws(MalformedMessage) {
      let part = try ShardCheckpoint(decoding: came[giver])
      let owned = layout.range(of: ranks[giver], at: scheme.optimizer)
      guard part.range == owned.clamped(to: 0..<layout.count), part.steps == steps else {
        throw MalformedMessage(
          what: "parameters \(part.range) of step \(part.steps)", place: "copy of a shard")
      }
      shelf.kept = shelf.kept.suffix(1) + [part]
    } catch {
      throw CollectiveError(
        .malformedPayload, error.what, place: error.place,
        remedy: "Rank \(ranks[giver]) is broken or lying.", culprit: ranks[giver])
    }
  }
}
