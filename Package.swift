// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// A room of the house: one target, its tests, and what it stands on.
struct Room {
  let name: String
  let duty: String
  var on: [String] = []
  var packages: [Target.Dependency] = []
}

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let toml = Target.Dependency.product(name: "TOMLKit", package: "TOMLKit")
let http = Target.Dependency.product(name: "FlyingFox", package: "FlyingFox")
let httpSockets = Target.Dependency.product(name: "FlyingSocks", package: "FlyingFox")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")

// The house, from the ground up. A room stands only on rooms listed before it.
let house = [
  Room(name: "Basics", duty: "seeds, limits, errors, telemetry names", packages: [log, metrics]),
  Room(name: "Planning", duty: "what to send over which links", on: ["Basics"]),
  Room(name: "Tensors", duty: "memory, shapes, kernels, files", on: ["Basics", "CKernels"]),
  Room(name: "OptimalTransport", duty: "mass moved at least cost", on: ["Tensors"]),
  Room(
    name: "Peers", duty: "who is there, bytes between them", on: ["Basics", "CKernels"],
    packages: [crypto, log]),
  Room(name: "Simulation", duty: "a world that replays from a seed", on: ["Peers"]),
  Room(name: "Codecs", duty: "tensors in fewer bytes, and back", on: ["Tensors"]),
  Room(
    name: "Collectives", duty: "sums over a changing group", on: ["Peers", "Codecs", "Planning"],
    packages: [crypto, log]),
  Room(
    name: "CAPI", duty: "the C door", on: ["Collectives", "OptimalTransport", "CFerry"]),
  Room(
    name: "PCCL", duty: "PCCL's C interface over our groups", on: ["Collectives", "CPCCL"],
    packages: [log]),
  Room(name: "Islands", duty: "engines of fast islands, joined by groups", on: ["Collectives"]),
  Room(
    name: "Learning", duty: "gradients, layers, data", on: ["OptimalTransport", "CMLX"]),
  Room(name: "Strategies", duty: "when replicas meet, and how", on: ["Collectives", "Learning"]),
  Room(name: "Recipes", duty: "papers with their claims", on: ["Learning"]),
  Room(
    name: "CLI", duty: "the terminal door",
    on: ["Strategies", "Planning", "Islands", "Recipes"],
    packages: [arguments, toml, http, httpSockets, log, metrics, coreMetrics, crypto]),
]

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// `make fuzz` names the folder of libFuzzer's runtime here: rooms are built to count their edges.
let fuzzer = Context.environment["FERRY_FUZZER"]
let counted: [SwiftSetting] = fuzzer == nil ? [] : [.unsafeFlags(["-sanitize=fuzzer"])]

/// `FERRY_ROOM=Codecs swift test` builds that room, what it stands on, and its tests alone.
let wanted = Context.environment["FERRY_ROOM"]

/// Everything a room may import: what it names, and what those stand on.
var reach: [String: Set<String>] = ["CKernels": [], "CMLX": [], "CFerry": [], "CPCCL": []]
for room in house {
  for support in room.on where reach[support] == nil {
    fatalError("\(room.name) stands on \(support), which is not below it")
  }
  reach[room.name] = room.on.reduce(into: Set(room.on)) { $0.formUnion(reach[$1]!) }
}
if let wanted, reach[wanted] == nil {
  fatalError("FERRY_ROOM=\(wanted): no such room; rooms: \(reach.keys.sorted())")
}

/// A room's module carries the brand, so that it cannot clash in a user's package graph.
func module(_ room: String) -> String {
  ["CKernels", "CMLX", "CFerry", "CPCCL"].contains(room) ? room : "Ferry\(room)"
}
func dependencies(_ rooms: Set<String>) -> [Target.Dependency] {
  rooms.sorted().map { .byName(name: module($0)) }
}

var targets: [Target] = [
  .target(name: "CKernels"),
  .target(name: "CFerry"),
  .target(name: "CPCCL"),
  .systemLibrary(name: "CMLXSystem", pkgConfig: "mlx"),
  .target(
    name: "CMLX", dependencies: ["CMLXSystem"],
    linkerSettings: [
      .linkedLibrary("m", .when(platforms: [.linux])),
      .linkedFramework("Accelerate", .when(platforms: [.macOS])),
    ]),
]
for room in house {
  // The test bench stands beside the rooms: tests of whatever knows peers use it.
  let isBench = wanted.map { room.name == "Simulation" && reach[$0]!.contains("Peers") } ?? false
  if let wanted, room.name != wanted, !reach[wanted]!.contains(room.name), !isBench { continue }
  let below = reach[room.name]!
  let imports = dependencies(below) + room.packages
  targets.append(
    room.name == "CLI"
      ? .executableTarget(
        name: "ferry", dependencies: imports, path: "Sources/CLI", swiftSettings: strict)
      : .target(
        name: module(room.name), dependencies: imports, path: "Sources/\(room.name)",
        swiftSettings: strict + counted))
  if let wanted, room.name != wanted { continue }
  var inTests = below.union([room.name])
  if below.contains("Peers") { inTests.insert("Simulation") }
  let own: [Target.Dependency] = room.name == "CLI" ? ["ferry"] : []
  targets.append(
    .testTarget(
      name: "\(room.name)Tests",
      dependencies: dependencies(inTests.subtracting(["CLI"])) + own + room.packages,
      path: "Tests/\(room.name)Tests", swiftSettings: strict))
}
if wanted == nil {
  targets.append(.testTarget(name: "HouseTests", path: "Tests/HouseTests", swiftSettings: strict))
}

// What reads bytes from elsewhere, for fuzzers; tests feed it, too, so that it cannot rot.
if wanted == nil {
  let all = dependencies(reach["CLI"]!)
  targets += [
    .target(
      name: "FerryFuzzing", dependencies: all + [crypto], path: "Tools/fuzz/Decoders",
      swiftSettings: strict),
    .testTarget(
      name: "FuzzingTests", dependencies: ["FerryFuzzing"] + dependencies(["Basics"]),
      path: "Tests/FuzzingTests", swiftSettings: strict),
  ]
}
if let fuzzer {
  targets += [
    .target(name: "CFuzzer", path: "Tools/fuzz/CFuzzer"),
    .executableTarget(
      name: "ferry-fuzz", dependencies: ["FerryFuzzing", "CFuzzer"], path: "Tools/fuzz/Program",
      swiftSettings: strict,
      linkerSettings: [
        .unsafeFlags(["-L\(fuzzer)", "-lclang_rt.fuzzer_no_main-x86_64", "-lstdc++"])
      ]),
  ]
}

let package = Package(
  name: "ferry",
  platforms: [.macOS(.v26)],
  products: wanted == nil
    ? [
      .library(
        name: "Ferry", targets: house.dropLast().map { module($0.name) }),
      .library(name: "FerryC", type: .dynamic, targets: ["FerryCAPI"]),
      .library(name: "pccl", type: .dynamic, targets: ["FerryPCCL"]),
      .executable(name: "ferry", targets: ["ferry"]),
    ] : [],
  dependencies: [
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: targets,
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx20
)
