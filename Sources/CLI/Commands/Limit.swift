// SPDX-License-Identifier: Apache-2.0

import FerryCollectives
import FerryLearning
import FerryOptimalTransport
import FerryPeers
import FerryPlanning
import FerryRecipes
import FerryTensors

/// One limit of the product. Rooms name theirs where they are used; this is the list of them.
package struct Limit: Codable, Equatable, Sendable {
  package let name: String
  package let value: Int
  package let unit: String
  package let meaning: String

  private init(_ name: String, _ value: Int, _ unit: String, _ meaning: String) {
    self.name = name
    self.value = value
    self.unit = unit
    self.meaning = meaning
  }

  /// All of them: a test compares with the sources.
  package static var all: [Limit] {
    configuration + links + rounds + state + learning + ledger + watching + planning + transport
  }

  private static var configuration: [Limit] {
    [
      Limit(
        "configuration-file", ConfigurationLoader.fileBytesMax, "bytes",
        "the largest run.toml"),
      Limit(
        "configuration-text", ConfigurationKey.textBytesMax, "bytes",
        "the longest text of a key"),
      Limit(
        "configuration-list", ConfigurationKey.listItemsMax, "items",
        "the longest list of a key"),
      Limit("run-name", RunConfiguration.nameBytesMax, "bytes", "the longest name of a run"),
      Limit(
        "host-name", HostPort.hostBytesMax, "bytes",
        "the longest host in a configuration: a DNS name"),
      Limit(
        "launched-processes", LaunchEnvironment.processesMax, "processes",
        "that a launcher may have started"),
      Limit("join-line", JoinLine.textBytesMax, "bytes", "the longest join line"),
      Limit(
        "join-line-run", JoinLine.runNameBytesMax, "bytes",
        "the longest name of a run in a join line"),
      Limit("join-line-host", JoinLine.hostBytesMax, "bytes", "the longest host in a join line"),
    ]
  }

  private static var links: [Limit] {
    [
      Limit("links", LinkLimits.linksMax, "links", "the most links of one peer"),
      Limit(
        "strands", LinkLimits.strandsMax, "connections", "the most of one link, beside its main one"
      ),
      Limit(
        "strand-failures", LinkLimits.strandFailuresMax, "attempts",
        "after so many in vain a link does without strands"),
      Limit(
        "reorder", LinkLimits.reorderBytesMax, "bytes",
        "bulk that came early, over which a link's faster strands rest"),
      Limit(
        "handshakes", LinkLimits.handshakesMax, "callers",
        "the most strangers in the middle of a greeting"),
      Limit(
        "greeting-message", Greeting.messageBytesMax, "bytes",
        "the longest message of a greeting"),
      Limit(
        "identity-proof", NoisePayload.byteCountMax, "bytes",
        "the longest proof of an identity"),
      Limit("hello", Hello.byteCountMax, "bytes", "the longest hello"),
      Limit("frame", LinkLimits.frameBytesMax, "bytes", "the longest payload of a frame"),
      Limit(
        "control-frame", FrameHeader.controlBytesMax, "bytes",
        "the longest ping, pong or goodbye"),
      Limit("reason", LinkLimits.reasonBytesMax, "bytes", "the longest reason for hanging up"),
      Limit(
        "record", RecordSealer.plainBytesMax, "bytes",
        "the most plain bytes of a sealed record"),
      Limit(
        "clear-record", RecordSealer.clearBytesMax, "bytes",
        "the most bytes of a record where nothing is sealed"),
      Limit(
        "record-on-wire", RecordOpener.wireBytesMax, "bytes",
        "the longest sealed record, with header and tag"),
      Limit(
        "send-queue", LinkLimits.queueBytesMax, "bytes",
        "what may wait to be sent on one link"),
    ]
  }

  private static var rounds: [Limit] {
    [
      Limit("members", View.membersMax, "members", "the largest group"),
      Limit("ranks", Reduction.worldMax, "members", "the most that one all-reduce adds up"),
      Limit(
        "whole-weights", Reduction.wholeWeightMax, "weights",
        "the largest sum of weights of whole numbers"),
      Limit(
        "operation", Operation.byteCountMax, "bytes",
        "the most that an operation gives one member, or takes from it"),
      Limit(
        "operation-on-wire", Operation.wireBytesMax, "bytes",
        "the longest description of an operation"),
      Limit(
        "measured-members", PathProbe.membersMax, "members",
        "the largest group whose links are measured"),
      Limit(
        "measuring-train", PathProbe.bytesMax, "bytes", "the longest train that times a link"),
      Limit(
        "measuring-trains", PathProbe.trainsMax, "trains",
        "the most that time one link in one turn"),
      Limit(
        "island-levels", Topology.levelsMax, "levels", "the most nested partitions into islands"),
      Limit(
        "one-shot", AllReduceAlgorithm.oneShotBytesMax, "bytes",
        "what a member sends with the word that it is ready; more goes directly"),
      Limit(
        "direct", AllReduceAlgorithm.directBytesMax, "bytes",
        "longer vectors go round a ring instead of directly"),
      Limit(
        "chunk", Chunk.payloadBytesMax, "bytes",
        "the longest piece of a vector in one message"),
      Limit(
        "shard-vectors", ShardCheckpoint.vectorsMax, "vectors",
        "the most that an optimizer remembers of a shard"),
      Limit(
        "shard-vector-name", ShardCheckpoint.nameBytesMax, "bytes",
        "the longest name of such a vector"),
      Limit("note", GroupLogic.noteBytesMax, "bytes", "the longest note of a contribution"),
      Limit(
        "contributions-ahead", GroupLogic.contributionsAheadMax, "rounds",
        "contributions kept for rounds to come"),
      Limit(
        "channels", ExchangeStanding.channelsMax, "channels",
        "sequences of operations beside the rounds"),
      Limit(
        "calls-ahead", GroupLogic.callsAheadMax, "calls",
        "calls of one channel that wait for those before them"),
      Limit(
        "early-messages", GroupLogic.earlyMessagesMax, "messages",
        "messages kept for views and rounds to come"),
    ]
  }

  private static var state: [Limit] {
    [
      Limit(
        "state-tensors", StateManifest.tensorsMax, "tensors",
        "the most tensors of the shared state"),
      Limit("state-name", StateManifest.nameBytesMax, "bytes", "the longest name of such a tensor"),
      Limit(
        "state-values", StateManifest.valuesMax, "numbers",
        "the most numbers in the shared state"),
      Limit(
        "state-note", StateManifest.noteBytesMax, "bytes",
        "the longest note of the shared state"),
      Limit(
        "state-chunk", StateManifest.chunkBytesMax, "bytes",
        "the longest piece that a newcomer fetches at once"),
      Limit(
        "state-manifest", StateManifest.byteCountMax, "bytes",
        "the longest list of those pieces"),
      Limit(
        "state-elections", StateFetch.electionsMax, "tries",
        "how often a newcomer asks for what most agree on"),
    ]
  }

  private static var learning: [Limit] {
    [
      Limit("threads", Engine.threadsMax, "threads", "the most threads to compute with"),
      Limit("tensor-rank", Shape.rankMax, "axes", "the most dimensions of a tensor"),
      Limit(
        "model-extent", GPTConfiguration.extentMax, "",
        "the largest width, context, vocabulary or depth"),
      Limit("parameters", GPTConfiguration.parametersMax, "numbers", "the largest model"),
      Limit("generated", GPT.generatedMax, "tokens", "the most tokens generated in one call"),
      Limit(
        "int8-block", Int8Blocks.blockMax, "numbers",
        "the most numbers that share one int8 scale"),
      Limit(
        "int4-block", Int4Blocks.blockMax, "numbers",
        "the most numbers that share one int4 scale"),
      Limit(
        "layout-levels", StridedBlock.levelsMax, "levels",
        "the deepest layout of bytes that lie apart"),
      Limit("text", Corpus.byteCountMax, "bytes", "the longest text that is trained on"),
      Limit("text-files", TextShelf.filesMax, "files", "the most files in a folder of texts"),
    ]
  }

  private static var ledger: [Limit] {
    [
      Limit("ledger", SampleLedger.byteCountMax, "bytes", "the longest ledger of consumed samples"),
      Limit(
        "ledger-records", SampleLedger.recordsMax, "rounds",
        "the rounds kept in full; older ones as a hash"),
      Limit(
        "ledger-totals", SampleLedger.totalsMax, "members",
        "members with a total of their own"),
      Limit(
        "ledger-position", Int(SampleLedger.positionMax), "samples",
        "the last position in the stream of samples"),
      Limit(
        "ledger-ranges", IntervalSet.rangesMax, "ranges",
        "the most runs of positions in one set"),
      Limit(
        "round-members", RoundRecord.membersMax, "members",
        "the most members in one round's record"),
      Limit(
        "member-name", MemberSamples.memberBytesMax, "bytes",
        "the longest name of a member in a record"),
      Limit(
        "checkpoint-manifest", CheckpointManifest.byteCountMax, "bytes",
        "the longest manifest of a checkpoint"),
    ]
  }

  private static var watching: [Limit] {
    [
      Limit("event-log", EventReader.fileBytesMax, "bytes", "the largest event log a report reads"),
      Limit("event-line", EventReader.lineBytesMax, "bytes", "the longest line of an event log"),
      Limit("event-logs", EventReader.filesMax, "files", "the most event logs in a run's folder"),
      Limit(
        "run-folders", RunFolder.foldersMax, "folders",
        "how many are searched for a run that goes on"),
      Limit("metrics", PrometheusRegistry.seriesMax, "series", "the most metrics of one process"),
      Limit(
        "control-path", RunFolder.socketPathBytesMax, "bytes",
        "a longer path of a control socket is shortened"),
      Limit(
        "control-request", Int(ControlServer.requestSecondsMax), "seconds",
        "how long an answer to `ferry status` may take"),
      Limit(
        "control-answer", ControlClient.answerBytesMax, "bytes",
        "the longest answer of a run to `ferry status`"),
      Limit(
        "doctor-reach", Int(Examiner.connectSecondsMax), "seconds",
        "how long `ferry doctor --reach` waits"),
    ]
  }

  private static var planning: [Limit] {
    [
      Limit("fabric-leaves", Fabric.leavesMax, "leaves", "the most leaves of a planned fabric"),
      Limit("fabric-spines", Fabric.spinesMax, "spines", "the most spines, that is paths"),
      Limit("fabric-hosts", Fabric.hostsMax, "hosts", "the most hosts of a planned fabric"),
      Limit("flows", TrafficPattern.flowsMax, "flows", "the most flows of one simulated step"),
      Limit(
        "hashes", PlacementComparison.hashesMax, "hashes", "the most hashes that ECMP is tried with"
      ),
      Limit(
        "ring-members", PairMatrix.membersMax, "members",
        "the largest group that a ring is planned for"),
      Limit(
        "ring-latency", PairMatrix.latencySecondsMax, "seconds",
        "the longest latency of a measured link"),
      Limit(
        "ring-exact", RingOrder.exactMembersMax, "members",
        "up to so many, the best of all rings is found"),
      Limit(
        "links-file", LinksFile.bytesMax, "bytes", "the largest file of measured links"),
      Limit(
        "transfers-file", TransfersFile.bytesMax, "bytes",
        "the largest file of measured transfers"),
      Limit(
        "transfers", TransferTable.timesMax, "times", "the most measurements of a table"),
      Limit(
        "chunks", ChunkSizes.chunksMax, "chunks", "the most chunks a vector is shared out in"),
      Limit(
        "chunked-elements", ChunkSizes.elementsMax, "numbers",
        "the longest vector that is shared out"),
      Limit(
        "cost-members", AllReduceCost.worldMax, "members",
        "the largest group that a time is predicted for"),
      Limit(
        "cost-bytes", AllReduceCost.bytesMax, "bytes",
        "the longest vector that a time is predicted for"),
      Limit("nest-levels", Nest.levelsMax, "levels", "the most groups within groups of shards"),
      Limit("nest-ranks", Nest.worldMax, "ranks", "the most ranks that a model is sharded over"),
      Limit("shards", ShardLayout.countMax, "numbers", "the longest run that is sharded"),
      Limit(
        "micro-batches", ShardChoice.batchesMax, "batches",
        "the most gradients of one planned step"),
    ]
  }

  private static var transport: [Limit] {
    [
      Limit(
        "numbers-text", NumbersFile.textBytesMax, "bytes",
        "the largest text of points or masses; npy files have none"),
      Limit(
        "coupling-entries", CouplingFile.entriesMax, "entries",
        "the largest coupling that is written or drawn entry by entry"),
      Limit(
        "coupling-lines", CouplingPicture.linesMax, "lines",
        "the most lines of a coupling's picture"
      ),
      Limit(
        "whitened-columns", WhitenedFeatures.dimensionsMax, "columns",
        "the most features of a sample that are whitened"),
      Limit(
        "codewords", ProductQuantizer.codewordsMax, "codewords",
        "of one part of a product quantizer: a code is a byte"),
      Limit(
        "recipe-data", DataShelf.fileBytesMax, "bytes", "the longest file that recipes run on"),
    ]
  }
}
