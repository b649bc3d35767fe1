// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import FerryLearning
import FerryOptimalTransport
import FerryPeers
import FerryPlanning
import FerryRecipes
import FerryStrategies
import FerryTensors

/// Why a command did not do what was asked: what happened, where, and what to do.
package struct CLIError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  package struct Code: RawRepresentable, Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let configurationSyntax = Code(rawValue: "config-syntax")
    package static let configurationUnknownKey = Code(rawValue: "config-unknown-key")
    package static let configurationWrongType = Code(rawValue: "config-wrong-type")
    package static let configurationOutOfRange = Code(rawValue: "config-out-of-range")
    package static let configurationConflict = Code(rawValue: "config-conflict")
    package static let fileUnreadable = Code(rawValue: "file-unreadable")
    package static let fileUnwritable = Code(rawValue: "file-unwritable")
    package static let fileExists = Code(rawValue: "file-exists")
    package static let joinLineMalformed = Code(rawValue: "join-line-malformed")
    package static let eventsMalformed = Code(rawValue: "events-malformed")
    package static let portInUse = Code(rawValue: "port-in-use")
    package static let runNotFound = Code(rawValue: "run-not-found")
    package static let runNotAnswering = Code(rawValue: "run-not-answering")
    package static let checksFailed = Code(rawValue: "checks-failed")
    package static let checkpointBroken = Code(rawValue: "checkpoint-broken")
    package static let demoFailed = Code(rawValue: "demo-failed")
    package static let benchFailed = Code(rawValue: "bench-failed")
    package static let fetchFailed = Code(rawValue: "fetch-failed")
    package static let peerUnreachable = Code(rawValue: "peer-unreachable")
    package static let textDiffers = Code(rawValue: "text-differs")
    package static let linksMalformed = Code(rawValue: "links-malformed")
    package static let numbersMalformed = Code(rawValue: "numbers-malformed")
    package static let couplingTooLarge = Code(rawValue: "coupling-too-large")
    package static let notDrawable = Code(rawValue: "not-drawable")
    package static let recipeUnknown = Code(rawValue: "recipe-unknown")
    package static let recipeDataUnknown = Code(rawValue: "recipe-data-unknown")
    package static let claimFailed = Code(rawValue: "claim-failed")
  }

  package let code: Code
  package let what: String
  package let place: String
  package let remedy: String

  package init(_ code: Code, what: String, place: String, remedy: String) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
  }

  package var codeName: String { code.rawValue }
}

/// What `ferry` ends with; every command's help lists those it uses.
package enum ExitStatus: Int32, Sendable {
  case done = 0
  case failed = 1
  case refused = 2
  case usage = 64
  case interrupted = 130

  /// What an error of any room ends the program with: 2 when what was given cannot be used, so that
  /// the same call would end in the same way; 1 when something went wrong on the way.
  package init(_ error: any FerryError) {
    self = Self.refusals.contains(error.codeName) ? .refused : .failed
  }

  private static let refusals: Set<String> = {
    let own: [CLIError.Code] = [
      .configurationSyntax, .configurationUnknownKey, .configurationWrongType,
      .configurationOutOfRange, .configurationConflict, .fileUnreadable, .fileExists,
      .joinLineMalformed, .eventsMalformed, .portInUse, .runNotFound, .textDiffers,
      .linksMalformed, .numbersMalformed, .couplingTooLarge, .notDrawable, .recipeUnknown,
      .recipeDataUnknown,
    ]
    let peers: [PeersError.Code] = [
      .identityExposed, .identityDamaged, .badPeerID, .badJoinLine, .portInUse, .cannotListen,
      .unknownHost, .wrongSecret, .otherVersion, .otherRun, .notAllowed, .otherPeer,
      .sealingDiffers, .notFerry, .badEnvironment,
    ]
    let texts: [DataError.Code] = [
      .textNotFound, .textUnreadable, .textEmpty, .textNotText, .textTooShort, .textTooLong,
      .textUnknown,
    ]
    let checkpoints: [CheckpointError.Code] = [
      .unreadable, .damaged, .noneReadable, .missing, .unsupported, .mismatch,
    ]
    let tensors: [TensorError.Code] = [
      .unreadable, .truncated, .malformed, .unsupported, .missing, .badShape, .wrongType, .mismatch,
    ]
    let models: [LearningError.Code] = [.badConfiguration, .stateMismatch]
    let strategies: [StrategyError.Code] = [.stateMismatch]
    let planning: [PlanningError.Code] = [
      .badFabric, .badTraffic, .noPath, .badLinks, .noRing, .badWeights, .badNest, .badShards,
    ]
    let transport: [TransportError.Code] = [
      .shapeMismatch, .badPoint, .badCost, .badMass, .unequalMass, .badSetting,
    ]
    let recipes: [RecipeError.Code] = [.dataMissing]
    return Set(own.map(\.rawValue)).union(peers.map(\.rawValue)).union(texts.map(\.rawValue))
      .union(checkpoints.map(\.rawValue)).union(tensors.map(\.rawValue))
      .union(models.map(\.rawValue)).union(strategies.map(\.rawValue))
      .union(planning.map(\.rawValue)).union(transport.map(\.rawValue))
      .union(recipes.map(\.rawValue))
  }()
}
