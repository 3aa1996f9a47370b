// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "word-counter",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(path: "../moldau"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        .executableTarget(
            name: "WordCounter",
            dependencies: [
                .product(name: "Moldau", package: "moldau"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "WordCounterTests",
            dependencies: ["WordCounter", .product(name: "MoldauTesting", package: "moldau")]),
    ]
)
