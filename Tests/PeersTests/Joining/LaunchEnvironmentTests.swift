// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Testing

/// What launchers tell the processes that they start.
@Suite("Launch environment")
struct LaunchEnvironmentTests {
  private func read(_ environment: [String: String]) throws -> LaunchEnvironment {
    try #require(try LaunchEnvironment(environment))
  }

  private func complaint(_ environment: [String: String]) -> String {
    do {
      _ = try LaunchEnvironment(environment)
      return "none"
    } catch { return "\(error)" }
  }

  @Test("a process that nobody launched is none of theirs")
  func nothing() throws {
    #expect(try LaunchEnvironment(["PATH": "/bin", "MASTER_ADDR": "a", "WORLD_SIZE": "2"]) == nil)
  }

  @Test("torchrun: rank, size and meeting place; its own port is not ours")
  func torchrun() throws {
    var environment = [
      "RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2",
      "MASTER_ADDR": "node7", "MASTER_PORT": "29500",
    ]
    let plain = try read(environment)
    #expect(plain.launcher == .torchrun && (plain.rank, plain.size) == (3, 8))
    #expect(plain.localRank == 1 && plain.localSize == 2 && !plain.isOneMachine)
    #expect(plain.meeting == PeerAddress(host: "node7", port: 29500) && plain.secret == nil)
    environment["TORCHELASTIC_USE_AGENT_STORE"] = "True"
    #expect(try read(environment).meeting.port == 29501)
    environment["FERRY_PORT"] = "7000"
    #expect(try read(environment).meeting.port == 7000)
  }

  @Test("Open MPI on one machine meets on it, on a port of the job's own")
  func openMPI() throws {
    var environment = [
      "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "0",
      "OMPI_COMM_WORLD_LOCAL_SIZE": "4", "PMIX_NAMESPACE": "prterun-a-123@1",
    ]
    let first = try read(environment)
    #expect(first.launcher == .openMPI && first.isOneMachine && first.meeting.host == "127.0.0.1")
    #expect((20_000..<40_000).contains(first.meeting.port))
    environment["OMPI_COMM_WORLD_RANK"] = "1"
    #expect(try read(environment).meeting == first.meeting)
    environment["PMIX_NAMESPACE"] = "prterun-a-124@1"
    #expect(try read(environment).meeting != first.meeting)
    environment["OMPI_COMM_WORLD_LOCAL_SIZE"] = "2"
    #expect(
      complaint(environment)
        == "bad-environment: MASTER_ADDR is not set, and Open MPI does not say where rank 0 is "
        + "(environment). Set MASTER_ADDR to the name or address of rank 0's machine, for all "
        + "processes.")
  }

  @Test("MPICH says no job's name: the port has to be given")
  func pmi() throws {
    var environment = [
      "PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2",
    ]
    #expect(
      complaint(environment)
        == "bad-environment: MASTER_PORT is not set (environment). Set it to a "
        + "port that is free on rank 0's machine, for all processes.")
    environment["MASTER_PORT"] = "7001"
    let read = try read(environment)
    #expect(read.launcher == .pmi && read.meeting == PeerAddress(host: "127.0.0.1", port: 7001))
  }

  @Test(
    "Slurm: the first node of the list",
    arguments: [
      ("tux", "tux"), ("tux3,tux4", "tux3"), ("tux[03-05,9],mac", "tux03"), ("a[1,4]b,c", "a1b"),
      ("n-[0-3]", "n-0"),
    ])
  func slurm(list: String, first: String) throws {
    let read = try read([
      "SLURM_PROCID": "5", "SLURM_NTASKS": "6", "SLURM_LOCALID": "1", "SLURM_JOB_ID": "991",
      "SLURM_STEP_NODELIST": list,
    ])
    #expect(read.launcher == .slurm && (read.rank, read.size) == (5, 6))
    #expect(read.meeting.host == first)
  }

  @Test("a launcher within another may number its processes otherwise, the same ones not")
  func nested() throws {
    let torch = ["RANK": "3", "WORLD_SIZE": "8", "MASTER_ADDR": "a", "MASTER_PORT": "1"]
    let outer = ["SLURM_PROCID": "1", "SLURM_NTASKS": "2"]
    #expect(try read(torch.merging(outer) { $1 }).rank == 3)
    let same = torch.merging(["OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "8"]) { $1 }
    #expect(
      complaint(same) == "bad-environment: RANK=3 and OMPI_COMM_WORLD_RANK=2 of 8 contradict "
        + "(environment). Start the processes with one launcher, or unset the variables of the "
        + "other.")
  }

  @Test(
    "what is missing or no number is named",
    arguments: [
      (["RANK": "1"], "RANK is set and WORLD_SIZE is not"),
      (["RANK": "2", "WORLD_SIZE": "2"], "RANK=2 is not one of 2"),
      (["RANK": "-1", "WORLD_SIZE": "2"], "RANK=-1 is no number"),
      (["RANK": "0", "WORLD_SIZE": "0"], "WORLD_SIZE=0 is not 1 to 1048576"),
      (
        ["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a b", "MASTER_PORT": "1"],
        "MASTER_ADDR=a b is no host"
      ),
      (
        ["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "0"],
        "MASTER_PORT=0 is no port"
      ),
      (
        ["RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "2"],
        "local rank 2 is not one of 2"
      ),
      (
        [
          "RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1",
          "FERRY_SECRET": "x",
        ],
        "FERRY_SECRET is not a secret"
      ),
    ])
  func complaints(environment: [String: String], what: String) {
    #expect(complaint(environment).hasPrefix("bad-environment: \(what) (environment). "))
  }
}
