// swift-tools-version: 6.2
import PackageDescription

// A service of your own: it depends on Headwater's Swift client and
// nothing else of it. In place of the path stands where your copy is.
let package = Package(
    name: "swift-client",
    dependencies: [.package(name: "headwater", path: "../..")],
    targets: [
        .executableTarget(name: "ClientExample", dependencies: [.product(name: "HeadwaterClient", package: "headwater")])
    ]
)
