// swift-tools-version: 6.2
import PackageDescription

/// The house rules of every Swift target (docs/architecture.md).
let houseRules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .strictMemorySafety(),
    .treatWarning("StrictMemorySafety", as: .error),
]

func nio(_ product: String) -> Target.Dependency { .product(name: product, package: "swift-nio") }
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

/// One library target. What it may import is what stands in `dependencies`; imports point down only.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: houseRules)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: houseRules)
}

let package = Package(
    name: "headwater",
    products: [
        .executable(name: "headwater", targets: ["headwater"]),
        // Before libc's calls in servers under torture.
        .library(name: "ShortIO", type: .dynamic, targets: ["ShortIO"]),

        // For Swift services: the client, and the modules whose types its methods take and give (docs/swift.md).
        .library(name: "HeadwaterClient", targets: ["Client", "Catalog", "Wire", "Transport", "FeatureModel"]),

        // What the package in Benchmarks/ drives servers with.
        .library(name: "BenchmarkLoad", targets: ["BenchmarkLoad"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // C: system libraries, generated code, a checksum, an instruction and system calls that Swift has no word for.
        .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CHeadwaterProto", dependencies: ["CProtobufC"]),
        .target(name: "CChecksum"),
        .target(name: "CPrefetch"),
        .target(name: "CLinux"),

        // The synchronous core: no async, no thread, no clock.
        library("FeatureModel", ["CChecksum"]),
        library("StorageIO", ["FeatureModel", "CLinux"]),
        library("Tables", ["FeatureModel"]),
        library("Expressions", ["FeatureModel"]),
        library("Log", ["StorageIO", "FeatureModel"]),
        library("OnlineStore", ["StorageIO", "FeatureModel", "CPrefetch"]),
        library("OfflineStore", ["StorageIO", "FeatureModel", "CLZ4"]),
        library("Catalog", ["Expressions", "FeatureModel", yams]),
        library("Wire", ["FeatureModel", "CHeadwaterProto", "CProtobufC"]),
        library("Engine", ["Log", "OnlineStore", "OfflineStore", "Catalog", "Expressions", "StorageIO", "FeatureModel"]),

        // The edge: sockets, threads, clocks, arguments.
        library("Transport", ["Wire", "FeatureModel", "CLinux", nio("NIOCore"), nio("NIOPosix"), logging]),
        library(
            "Server",
            [
                "Transport", "Engine", "Log", "OnlineStore", "OfflineStore", "Catalog", "StorageIO", "Wire", "FeatureModel",
                nio("NIOCore"), nio("NIOPosix"), lifecycle, logging,
            ]),
        library("Client", ["Transport", "Wire", "Catalog", "FeatureModel", "CCrypto", nio("NIOCore"), nio("NIOPosix"), logging]),
        // The HTTP listener.
        library(
            "Web",
            [
                "Server", "Client", "Tables", "Transport", "Catalog", "Wire", "FeatureModel", nio("NIOCore"), nio("NIOPosix"),
                "CZlib", nio("NIOHTTP1"), lifecycle, logging,
            ]),
        .executableTarget(
            name: "headwater",
            dependencies: [
                "Client", "Server", "Web", "Transport", "Tables", "Expressions", "Catalog", "Engine", "Log", "OnlineStore",
                "OfflineStore", "StorageIO", "Wire", "FeatureModel", argumentParser, lifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"), logging,
            ],
            swiftSettings: houseRules),

        // Tests, in the order of the house.
        .target(
            name: "SocketSupport", dependencies: ["Transport", "Wire", "FeatureModel", nio("NIOCore"), nio("NIOPosix")],
            path: "Tests/SocketSupport", swiftSettings: houseRules),
        .target(name: "TestSupport", dependencies: ["FeatureModel"], path: "Tests/TestSupport", swiftSettings: houseRules),
        // Disks in memory that lose what no sync covered, and disks that fail where a test says.
        .target(
            name: "TestDisks", dependencies: ["StorageIO", "FeatureModel", "TestSupport"], path: "Tests/TestDisks",
            swiftSettings: houseRules),
        tests("FeatureModelTests", ["FeatureModel", "CChecksum", "TestSupport"]),
        tests("StorageIOTests", ["StorageIO", "FeatureModel", "CChecksum", "TestDisks", "TestSupport"]),
        tests("TablesTests", ["Tables", "FeatureModel", "TestSupport"]),
        tests("ExpressionsTests", ["Expressions", "FeatureModel", "TestSupport"], exclude: ["Golden"]),
        tests("LogTests", ["Log", "StorageIO", "FeatureModel", "TestDisks", "TestSupport"]),
        tests("CatalogTests", ["Catalog", "FeatureModel", "TestSupport"]),
        tests("OnlineStoreTests", ["OnlineStore", "StorageIO", "FeatureModel", "TestDisks", "TestSupport"]),
        tests("OfflineStoreTests", ["OfflineStore", "StorageIO", "FeatureModel", "TestDisks", "TestSupport"]),
        tests("WireTests", ["Wire", "FeatureModel", "TestSupport"], exclude: ["Golden"]),
        tests(
            "EngineTests",
            [
                "Engine", "Log", "OnlineStore", "OfflineStore", "Catalog", "StorageIO", "FeatureModel", "TestDisks",
                "TestSupport",
            ],
            exclude: ["Golden"]),
        tests(
            "ServerTests",
            [
                "Server", "Transport", "Engine", "OnlineStore", "OfflineStore", "Log", "StorageIO", "Catalog", "Wire",
                "FeatureModel", "TestDisks", "TestSupport", "SocketSupport", nio("NIOCore"), logging,
            ]),
        tests(
            "WebTests",
            [
                "Web", "Server", "Tables", "Transport", "Wire", "FeatureModel", nio("NIOCore"), nio("NIOEmbedded"), nio("NIOPosix"),
                nio("NIOHTTP1"), logging,
            ]),
        // The worked examples of docs/formats, byte by byte.
        tests(
            "FormatPagesTests",
            [
                "Client", "Engine", "Log", "OnlineStore", "OfflineStore", "Catalog", "Wire", "Tables", "StorageIO",
                "FeatureModel",
                "TestDisks",
            ]),
        tests("ClientTests", ["Client", "Catalog", "FeatureModel", "TestSupport"]),
        // These two start the built executable.
        tests("CLITests", []),
        tests(
            "SystemTests",
            [
                "Client", "Catalog", "OnlineStore", "Log", "Transport", "StorageIO", "FeatureModel", "TestSupport",
                "ProcessSupport",
                nio("NIOCore"), nio("NIOPosix"),
            ]),
        tests("TransportTests", ["Transport", "Wire", "FeatureModel", "SocketSupport", nio("NIOCore"), nio("NIOPosix")]),

        // Faults of real processes and disks: `make torture`.
        .target(name: "ShortIO", path: "Tests/ShortIO"),
        .target(name: "ProcessSupport", path: "Tests/ProcessSupport", swiftSettings: houseRules),
        .executableTarget(
            name: "torture",
            dependencies: [
                "Client", "Catalog", "Transport", "Wire", "FeatureModel", "TestSupport", "ProcessSupport", argumentParser,
            ],
            path: "Tests/Torture", swiftSettings: houseRules),

        // The ten lines of docs/swift.md, built as a package from outside builds them: without the rules of this house, and seeing
        // nothing that is `package`.
        .executableTarget(
            name: "ClientExample", dependencies: ["Client", "Catalog", "Wire", "Transport", "FeatureModel"],
            path: "examples/swift-client/Sources/ClientExample", packageAccess: false),

        // Load for benchmarks stands here and not in the package of Benchmarks/, because `make test` runs it with tiny input
        // (BenchmarkTests). A test target of that package would build Client, Transport, both stores and swift-nio once more, in a
        // build directory of its own: five minutes and 0.8 GB. The tests start the built executables.
        .target(
            name: "CLoadCore", dependencies: ["CChecksum"], path: "Benchmarks/Sources/CLoadCore",
            linkerSettings: [.linkedLibrary("m")]),
        .target(
            name: "BenchmarkLoad",
            dependencies: [
                "Client", "Transport", "OnlineStore", "OfflineStore", "StorageIO", "Wire", "Catalog", "FeatureModel", "CLoadCore",
                "TestSupport",
            ],
            path: "Benchmarks/Sources/BenchmarkLoad", swiftSettings: houseRules),
        // The floor of Benchmarks/, which is built as `floor` there.
        .executableTarget(name: "FloorServer", path: "Benchmarks/Sources/floor"),
        // The peer of `make bench-rest`: an HTTP server of the same library that sends the same bytes.
        .executableTarget(
            name: "BareHTTPServer", dependencies: [nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1")],
            path: "Benchmarks/Sources/barehttp", swiftSettings: houseRules),
        tests("BenchmarkTests", ["BenchmarkLoad", "FeatureModel", "TestSupport"]),

        // The simulation: a whole store, its disks, network, clocks and clients, in one thread from a seed.
        .target(
            name: "Simulation",
            dependencies: [
                "Server", "Engine", "Log", "OnlineStore", "OfflineStore", "Catalog", "Wire", "StorageIO", "FeatureModel",
                "TestDisks",
                "TestSupport",
            ],
            path: "Tests/Simulation", swiftSettings: houseRules),
        .executableTarget(
            name: "simulate", dependencies: ["Simulation", "FeatureModel", argumentParser], path: "Tests/SimulateCommand",
            swiftSettings: houseRules),
        tests("SimulationTests", ["Simulation", "StorageIO", "FeatureModel"]),

        // Damage and fault sweeps: every case, one by one, in this process or in children that may crash.
        .target(
            name: "FaultSweeps",
            dependencies: [
                "Engine", "Log", "OnlineStore", "OfflineStore", "Catalog", "StorageIO", "FeatureModel", "TestDisks",
                "TestSupport",
            ],
            path: "Tests/FaultSweeps", swiftSettings: houseRules),
        .executableTarget(
            name: "sweep", dependencies: ["FaultSweeps", argumentParser], path: "Tests/sweep", swiftSettings: houseRules),
        .testTarget(
            name: "FaultSweepsTests", dependencies: ["FaultSweeps", "FeatureModel"], exclude: ["Golden"],
            swiftSettings: houseRules),
    ]
)
