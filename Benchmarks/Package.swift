// swift-tools-version: 6.2
import PackageDescription

// Benchmarks beside their peers: a package of its own, so that what only they need is built only for them.
let package = Package(
    name: "headwater-benchmarks",
    products: [
        .executable(name: "bench", targets: ["bench"]), .executable(name: "floor", targets: ["floor"]),
        .executable(name: "AuditLoad", targets: ["AuditLoad"]),
    ],
    dependencies: [
        .package(name: "headwater", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    ],
    targets: [
        // A bare C server that moves the same bytes: what no server can be faster than.
        .executableTarget(name: "floor"),
        // What an audit of many rows costs those who read and write meanwhile.
        .executableTarget(
            name: "AuditLoad", dependencies: [.product(name: "HeadwaterClient", package: "headwater")],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]),
        .executableTarget(
            name: "bench",
            dependencies: [
                .product(name: "BenchmarkLoad", package: "headwater"),
                .product(name: "HeadwaterClient", package: "headwater"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]),
    ]
)
