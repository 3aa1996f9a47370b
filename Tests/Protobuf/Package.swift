// swift-tools-version: 6.1
// A package that uses Moldau's Protocol Buffers serdes the way any other would: by the trait. It is not part of the
// main suite, so that those who do not need swift-protobuf do not build it.
import PackageDescription

let package = Package(
    name: "protobuf-tests",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "moldau", path: "../..", traits: ["Protobuf"]),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: [
        .testTarget(
            name: "MoldauProtobufTests",
            dependencies: [
                .product(name: "MoldauProtobuf", package: "moldau"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Tests")
    ],
    swiftLanguageModes: [.v6]
)
