// swift-tools-version: 6.2
import PackageDescription

// Pieces of the hot path one by one: a package of its own, as only it needs the benchmark library and its plugin.
let package = Package(
    name: "headwater-micro-benchmarks",
    dependencies: [
        .package(name: "headwater", path: "../.."),
        // Without jemalloc, which would count allocations.
        .package(url: "https://github.com/ordo-one/benchmark", exact: "1.38.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "Micro",
            dependencies: [
                .product(name: "BenchmarkLoad", package: "headwater"), .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/Micro",
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")],
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ]
)
