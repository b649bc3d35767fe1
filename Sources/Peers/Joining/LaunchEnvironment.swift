// SPDX-License-Identifier: Apache-2.0

/// What a launcher tells each process that it starts: who it is, of how many, and where they meet.
///
/// Read from the environment variables of torchrun, Open MPI, MPICH (and whatever else speaks PMI) and
/// Slurm, in this order; the first that is there counts. Rank 0 founds the group at `meeting`, all
/// others join it there.
public struct LaunchEnvironment: Sendable, Equatable {
  /// Who started this process.
  public enum Launcher: String, Sendable, CaseIterable {
    case torchrun
    case openMPI = "Open MPI"
    case pmi = "PMI"
    case slurm = "Slurm"
  }

  public let launcher: Launcher
  /// 0 to `size` − 1.
  public let rank: Int
  /// How many processes there are.
  public let size: Int
  /// This process among those of its machine, and how many those are; nil where it is not told.
  public let localRank: Int?
  public let localSize: Int?
  /// Where rank 0 listens.
  public let meeting: PeerAddress
  /// What all processes of the run share and strangers do not know: `FERRY_SECRET`.
  public let secret: RunSecret?

  /// More processes are refused.
  public static let processesMax = 1 << 20
  /// Ports that are derived from a job's name begin here, and there are as many of them.
  static let firstPort: UInt16 = 20_000
  static let portCount: UInt64 = 20_000

  /// Whether all processes are on this machine, as far as the launcher says.
  public var isOneMachine: Bool { localSize == size }

  /// - Returns: nil if no launcher started this process.
  /// - Throws: `.badEnvironment` when variables are missing, are no numbers, or contradict.
  public init?(_ environment: [String: String]) throws(PeersError) {
    guard let (contract, rank, size) = try Self.contract(environment) else { return nil }
    launcher = contract.launcher
    (self.rank, self.size) = (rank, size)
    localRank = try Self.number(environment, contract.localRank)
    localSize = try Self.number(environment, contract.localSize)
    if let localRank, let localSize, !(0..<localSize).contains(localRank) {
      throw Self.bad(
        "local rank \(localRank) is not one of \(localSize)", "Start the processes by a launcher.")
    }
    meeting = try Self.meeting(environment, contract, isOneMachine: localSize == size)
    let text = environment["FERRY_SECRET"]
    secret = text.flatMap { RunSecret($0) }
    if text != nil, secret == nil {
      throw Self.bad(
        "FERRY_SECRET is not a secret",
        "Take one from `python3 -m ferry secret`, and give it to all processes.")
    }
  }

  /// Who this process is, for those who need not meet through its launcher; nil and errors as for
  /// `init`.
  public static func place(
    in environment: [String: String]
  ) throws(PeersError) -> (launcher: Launcher, rank: Int, size: Int)? {
    try contract(environment).map { ($0.contract.launcher, $0.rank, $0.size) }
  }

  private static func contract(
    _ environment: [String: String]
  ) throws(PeersError) -> (contract: Contract, rank: Int, size: Int)? {
    let contracts = Contract.all.filter { environment[$0.rank] != nil }
    guard let contract = contracts.first else { return nil }
    let (rank, size) = try contract.ranks(environment)
    for other in contracts.dropFirst() {
      let (otherRank, otherSize) = try other.ranks(environment)
      // One launcher within another starts several for each of the outer one's; as many are the same.
      guard otherSize != size || otherRank == rank else {
        throw bad(
          "\(contract.rank)=\(rank) and \(other.rank)=\(otherRank) of \(size) contradict",
          "Start the processes with one launcher, or unset the variables of the other.")
      }
    }
    return (contract, rank, size)
  }

  // MARK: Where they meet

  private static func meeting(
    _ environment: [String: String], _ contract: Contract, isOneMachine: Bool
  ) throws(PeersError) -> PeerAddress {
    let port = try port(environment, contract)
    if let host = environment["MASTER_ADDR"], !host.isEmpty {
      guard JoinLine.isHost(host) else {
        throw bad(
          "MASTER_ADDR=\(host) is no host", "Set it to the name or address of rank 0's machine.")
      }
      return PeerAddress(host: host, port: port)
    }
    if contract.launcher == .slurm {
      let nodes = ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"]
      if let list = nodes.lazy.compactMap({ environment[$0] }).first,
        let first = firstNode(list), JoinLine.isHost(first)
      {
        return PeerAddress(host: first, port: port)
      }
    }
    guard isOneMachine else {
      throw bad(
        "MASTER_ADDR is not set, and \(contract.launcher.rawValue) does not say where rank 0 is",
        "Set MASTER_ADDR to the name or address of rank 0's machine, for all processes.")
    }
    return PeerAddress(host: "127.0.0.1", port: port)
  }

  private static func port(
    _ environment: [String: String], _ contract: Contract
  ) throws(PeersError) -> UInt16 {
    for name in ["FERRY_PORT", "MASTER_PORT"] {
      guard let value = try number(environment, name) else { continue }
      // torchrun itself listens on that port: the next one is ours.
      let isTaken = name == "MASTER_PORT" && environment["TORCHELASTIC_USE_AGENT_STORE"] == "True"
      let port = value + (isTaken ? 1 : 0)
      guard (1...65535).contains(port) else {
        throw bad("\(name)=\(value) is no port", "Set FERRY_PORT to a free port, 1 to 65535.")
      }
      return UInt16(port)
    }
    guard let job = contract.jobs.lazy.compactMap({ environment[$0] }).first else {
      throw bad(
        "MASTER_PORT is not set",
        "Set it to a port that is free on rank 0's machine, for all processes.")
    }
    // The same for all processes of a job, and most likely another one for the next.
    var hash: UInt64 = 14_695_981_039_346_656_037
    for byte in job.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
    return firstPort + UInt16(hash % portCount)
  }

  /// The first of Slurm's list: `tux[03-05,9],mac` begins with `tux03`.
  static func firstNode(_ list: String) -> String? {
    let name = list.prefix { $0 != "," && $0 != "[" }
    guard list.dropFirst(name.count).first == "[" else { return name.isEmpty ? nil : String(name) }
    let inside = list.dropFirst(name.count + 1).prefix { $0 != "]" }
    let number = inside.prefix { $0.isNumber }
    let rest = list.dropFirst(name.count + inside.count + 2).prefix { $0 != "," }
    guard !number.isEmpty, !rest.contains("[") else { return nil }
    return String(name) + number + rest
  }

  // MARK: Variables

  private struct Contract {
    let launcher: Launcher
    let rank: String
    let size: String
    let localRank: String
    /// Empty where there is none.
    let localSize: String
    /// What names the job, the same for all its processes.
    let jobs: [String]

    static let all = [
      Contract(
        launcher: .torchrun, rank: "RANK", size: "WORLD_SIZE", localRank: "LOCAL_RANK",
        localSize: "LOCAL_WORLD_SIZE", jobs: []),
      Contract(
        launcher: .openMPI, rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE",
        localRank: "OMPI_COMM_WORLD_LOCAL_RANK", localSize: "OMPI_COMM_WORLD_LOCAL_SIZE",
        jobs: ["PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"]),
      Contract(
        launcher: .pmi, rank: "PMI_RANK", size: "PMI_SIZE", localRank: "MPI_LOCALRANKID",
        localSize: "MPI_LOCALNRANKS", jobs: ["PMI_JOBID", "SLURM_JOB_ID"]),
      Contract(
        launcher: .slurm, rank: "SLURM_PROCID", size: "SLURM_NTASKS", localRank: "SLURM_LOCALID",
        localSize: "", jobs: ["SLURM_JOB_ID", "SLURM_JOBID"]),
    ]

    func ranks(_ environment: [String: String]) throws(PeersError) -> (rank: Int, size: Int) {
      guard let size = try number(environment, self.size) else {
        throw LaunchEnvironment.bad(
          "\(rank) is set and \(self.size) is not",
          "Set both, or start the processes by a launcher.")
      }
      guard (1...processesMax).contains(size) else {
        throw bad("\(self.size)=\(size) is not 1 to \(processesMax)", "Start fewer processes.")
      }
      guard let rank = try number(environment, self.rank), rank < size else {
        throw bad(
          "\(self.rank)=\(environment[self.rank] ?? "") is not one of \(size)",
          "Ranks go from 0 to \(self.size) - 1.")
      }
      return (rank, size)
    }
  }

  private static func number(
    _ environment: [String: String], _ name: String
  ) throws(PeersError) -> Int? {
    guard let text = environment[name], !text.isEmpty else { return nil }
    guard let number = Int(text), number >= 0 else {
      throw bad("\(name)=\(text) is no number", "Set it to a whole number, or unset it.")
    }
    return number
  }

  private static func bad(_ what: String, _ remedy: String) -> PeersError {
    PeersError(.badEnvironment, what, place: "environment", remedy: remedy)
  }
}
