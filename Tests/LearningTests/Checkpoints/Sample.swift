// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning

/// A small checkpoint after `step` steps, everything in it drawn from the step.
func sample(_ step: UInt64) -> Checkpoint {
  var generator = SplitMix64(Seed(step))
  func values(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
  }
  var ledger = SampleLedger()
  do throws(DataError) {
    for round in 0..<step {
      try ledger.commit(
        RoundRecord(
          round: round,
          members: [
            MemberSamples(member: "ann", ranges: ledger.assign(members: 1, perMember: 4)[0])
          ]))
    }
  } catch { preconditionFailure(error.description) }
  return Checkpoint(
    metadata: CheckpointMetadata(
      run: "night", round: step, step: step, seed: .max, configurationDigest: "c",
      parityHash: "p\(step)", textFingerprint: "t"),
    tensors: [
      NamedTensor(name: "embed", shape: [4, 3], values: values(12)),
      NamedTensor(name: "scale", shape: [], values: values(1)),
    ],
    local: [NamedTensor(name: "embed.m", shape: [4, 3], values: values(12))],
    localWords: [NamedWords(name: "rng", values: [generator.next(), .max])],
    ledger: ledger)
}
