// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "word-counter",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(path: "../moldau"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        .executableTarget(
            name: "WordCounter",
            dependencies: [
                .product(name: "Moldau", package: "moldau"),
                .product(name: "Logging", package: "swift-log"),
            ])
    ]
)
