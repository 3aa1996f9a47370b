// swift-tools-version: 6.2
import Foundation
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Warnings are errors if `MOLDAU_STRICT` is set: in continuous integration and in `make test`.
let warnings: [SwiftSetting] =
    ProcessInfo.processInfo.environment["MOLDAU_STRICT"] == nil ? [] : [.unsafeFlags(["-warnings-as-errors"])]

/// Deliberate mistakes, which prove that tests and the simulator find them: in debug builds, and in builds with
/// `MOLDAU_SABOTAGE` set (`make simulate PLANT=…`). No release build of an application has them.
let sabotage: [SwiftSetting] = [
    ProcessInfo.processInfo.environment["MOLDAU_SABOTAGE"] == nil
        ? .define("SABOTAGE", .when(configuration: .debug)) : .define("SABOTAGE")
]

/// With `MOLDAU_CONSOLE=0` the examples have no `--console` and need no web server, which makes `make run` build
/// quickly.
let hasConsole = ProcessInfo.processInfo.environment["MOLDAU_CONSOLE"] != "0"

func example(_ name: String, _ folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["Moldau", "ExampleSupport", argumentParser] + dependencies,
        path: "Examples/\(folder)", swiftSettings: strict + warnings)
}

func library(
    _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil,
    settings: [SwiftSetting] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: strict + warnings + settings)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = [],
    settings: [SwiftSetting] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources,
        swiftSettings: strict + warnings + settings)
}

/// Fetched and built only if the trait `Protobuf` is enabled.
let swiftProtobuf = Target.Dependency.product(
    name: "SwiftProtobuf", package: "swift-protobuf", condition: .when(traits: ["Protobuf"]))

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")

let package = Package(
    name: "moldau",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Moldau", targets: ["Moldau"]),
        .library(name: "MoldauServiceLifecycle", targets: ["MoldauServiceLifecycle"]),
        .library(name: "MoldauConsole", targets: ["MoldauConsole"]),
        .library(name: "MoldauMetrics", targets: ["MoldauMetrics"]),
        .library(name: "MoldauTracing", targets: ["MoldauTracing"]),
        .library(name: "MoldauServer", targets: ["MoldauServer"]),
        .library(name: "MoldauClient", targets: ["MoldauClient"]),
        .library(name: "MoldauClientEmbedded", targets: ["MoldauClientEmbedded"]),
        .library(name: "MoldauClientTracing", targets: ["MoldauClientTracing"]),
        .library(name: "MoldauClientServiceLifecycle", targets: ["MoldauClientServiceLifecycle"]),
        .library(name: "MoldauClusterKafka", targets: ["MoldauClusterKafka"]),
        .library(name: "MoldauSettings", targets: ["MoldauSettings"]),
        .library(name: "MoldauTesting", targets: ["MoldauTesting"]),
        .executable(name: "moldau", targets: ["MoldauCLI"]),
        .library(name: "MoldauProtobuf", targets: ["MoldauProtobuf"]),
    ],
    traits: [
        .trait(name: "Protobuf", description: "Serdes for Protocol Buffers: the library MoldauProtobuf.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.3.0"),
        // Only the trait for the command line: files are read in Kafka's format.
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["CommandLineArguments"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
    ],
    targets: [
        // Bytes
        .target(name: "CChecksum"),
        // RocksDB links these libraries anyway.
        .target(
            name: "CCompression",
            linkerSettings: ["z", "snappy", "lz4", "zstd"].map { .linkedLibrary($0) }),
        library("MoldauRecords", ["CChecksum", "CCompression"]),
        library("MoldauJSON", ["MoldauRecords"]),
        library("MoldauProtobuf", ["MoldauRecords", swiftProtobuf]),

        // The broker, and the log that it is built on
        .target(name: "CFiles"),
        library("MoldauLog", ["MoldauRecords", "CFiles"], settings: sabotage),
        library(
            "MoldauBroker", ["MoldauRecords", "MoldauLog", .product(name: "Logging", package: "swift-log")],
            settings: sabotage),

        // The messages of Kafka's protocol
        library("MoldauWire", ["MoldauRecords"]),

        // The port
        library("MoldauCluster", ["MoldauRecords", .product(name: "Logging", package: "swift-log")]),
        library(
            "MoldauClusterEmbedded",
            [
                "MoldauRecords", "MoldauLog", "MoldauCluster", "MoldauBroker",
                .product(name: "Logging", package: "swift-log"),
            ]),

        // Shared by both ends of a connection
        library(
            "MoldauNetwork",
            [
                "MoldauWire", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ]),

        // The server
        library(
            "MoldauServer",
            [
                "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauWire", "MoldauNetwork", "MoldauCluster",
                "MoldauClusterEmbedded", "CMemory",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),

        // The client: producers and consumers of any Kafka cluster
        library(
            "MoldauClient",
            [
                "MoldauRecords", "MoldauWire", "MoldauNetwork",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),

        // Additions to the client: for a broker in this process, swift-service-lifecycle and tracing
        library(
            "MoldauClientEmbedded",
            [
                "MoldauClient", "MoldauClusterEmbedded", "MoldauServer",
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        library(
            "MoldauClientServiceLifecycle",
            ["MoldauClient", .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")]),
        library("MoldauSpans", ["MoldauRecords", tracing]),
        library("MoldauClientTracing", ["MoldauRecords", "MoldauClient", "MoldauSpans", tracing]),

        // The port, implemented on a Kafka cluster
        library(
            "MoldauClusterKafka", ["MoldauRecords", "MoldauCluster", "MoldauClient"]),

        // Options by name: from files, the environment and the command line
        library(
            "MoldauSettings",
            ["MoldauRecords", .product(name: "Configuration", package: "swift-configuration")]),

        // The application: stores, topology, runtime and DSL, and what exports from them
        .target(name: "CRocksDB", linkerSettings: [.linkedLibrary("rocksdb")]),
        .target(name: "CPrefetch"),
        library("MoldauState", ["MoldauRecords", "CFiles", "CRocksDB", "CPrefetch"]),
        library("MoldauTopology", ["MoldauRecords", "MoldauState"]),
        library(
            "MoldauRuntime",
            [
                "MoldauRecords", "MoldauState", "MoldauTopology", "MoldauCluster",
                .product(name: "Logging", package: "swift-log"),
            ]),
        library(
            "Moldau",
            [
                "MoldauRecords", "MoldauJSON", "MoldauState", "MoldauTopology", "MoldauRuntime", "MoldauCluster",
                "MoldauClusterEmbedded", "Signals",
                .product(name: "Logging", package: "swift-log"),
            ]),
        library(
            "MoldauServiceLifecycle",
            ["Moldau", .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")]),
        // Exports the application's metrics and spans to swift-metrics and swift-distributed-tracing
        library("MoldauMetrics", ["Moldau", .product(name: "CoreMetrics", package: "swift-metrics")]),
        library(
            "MoldauTracing", ["MoldauRecords", "MoldauTopology", "MoldauRuntime", "MoldauSpans", tracing]),
        library(
            "MoldauConsole",
            [
                "Moldau", "MoldauRecords", "MoldauRuntime", "MoldauTopology", "MoldauCluster",
                "MoldauState", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], resources: [.embedInCode("Page/page.html")]),
        library(
            "MoldauTesting",
            ["MoldauRecords", "MoldauState", "MoldauTopology", "MoldauRuntime", "MoldauCluster"]),
        library(
            "MoldauSimulation",
            [
                "Moldau", "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauState", "MoldauTopology",
                "MoldauRuntime", "MoldauCluster", "MoldauClusterEmbedded",
                .product(name: "Logging", package: "swift-log"),
            ], settings: sabotage),

        // Programs
        library("Signals"),
        .target(name: "CMemory"),
        .executableTarget(
            name: "MoldauCLI",
            dependencies: [
                "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauCluster", "MoldauClusterEmbedded", "MoldauServer",
                "MoldauClient", "MoldauClientEmbedded", "MoldauClusterKafka", "MoldauSettings", "Signals", "CMemory",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
                argumentParser,
            ],
            swiftSettings: strict + warnings),
        .target(
            name: "ExampleSupport",
            dependencies: [
                "Moldau", "MoldauRecords", "MoldauCluster", argumentParser,
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Examples/Support", swiftSettings: strict + warnings),
        .target(
            name: "ExampleConsole",
            dependencies: [
                "Moldau", "MoldauRecords", "ExampleSupport", "Signals", argumentParser,
            ] + (hasConsole ? ["MoldauConsole"] : []),
            path: "Examples/Console", swiftSettings: strict + warnings + (hasConsole ? [.define("CONSOLE")] : [])),
        example("bank-transfer", "BankTransfer", ["ExampleConsole"]),
        example("word-count", "WordCount", ["ExampleConsole", "MoldauCluster", "Signals"]),
        example("order-enrichment", "OrderEnrichment", ["MoldauRecords", "MoldauClientEmbedded", "ExampleConsole"]),
        example(
            "demo", "Demo",
            [
                "MoldauConsole", "MoldauServiceLifecycle", .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),

        .executableTarget(
            name: "bench",
            dependencies: [
                "Moldau", "MoldauCluster", "MoldauServer", "MoldauClusterKafka", "MoldauTracing", "ExampleSupport",
                tracing, argumentParser,
            ],
            path: "Tests/Bench", swiftSettings: strict + warnings),

        .target(name: "CountedAllocations", path: "Tests/CountedAllocations"),
        .target(name: "CSpawn", path: "Tests/CSpawn"),
        .executableTarget(
            name: "step-costs",
            dependencies: [
                "Moldau", "MoldauRecords", "MoldauWire", "MoldauState", "MoldauTopology", "MoldauRuntime",
                "MoldauCluster", "MoldauClusterEmbedded", "CountedAllocations",
            ],
            path: "Tests/StepCosts", exclude: ["thresholds.json"], swiftSettings: strict + warnings),
        .executableTarget(name: "wire-load", path: "Tests/WireLoad"),
        .executableTarget(
            name: "recovery",
            dependencies: [
                "Moldau", "MoldauClusterKafka", "ExampleSupport", argumentParser,
            ],
            path: "Tests/Recovery", swiftSettings: strict + warnings),

        // Tests
        .target(
            name: "ProgramSupport", dependencies: ["CSpawn", .product(name: "Logging", package: "swift-log")],
            path: "Tests/ProgramSupport", swiftSettings: strict + warnings),
        tests(
            "ProjectTests", ["ProgramSupport", "MoldauTopology", "MoldauTesting", "MoldauServer"],
            exclude: ["PublicInterface.txt"]),
        tests("DiagnosticsTests", ["ProgramSupport", "Moldau"], exclude: ["Cases", "expected.txt"]),
        .executableTarget(
            name: "crash-writer", dependencies: ["Moldau"], path: "Tests/CrashWriter",
            swiftSettings: strict + warnings),
        .executableTarget(
            name: "state-holder", dependencies: ["Moldau"], path: "Tests/StateHolder",
            swiftSettings: strict + warnings),
        .executableTarget(
            name: "cluster-worker",
            dependencies: [
                "Moldau", "MoldauClusterKafka", "Signals", argumentParser,
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/ClusterWorker", swiftSettings: strict + warnings),
        .executableTarget(
            name: "OldData", dependencies: ["Moldau"], path: "Tests/OldData", resources: [.copy("Directory")],
            swiftSettings: strict + warnings),
        .executableTarget(
            name: "serde-costs",
            dependencies: [
                "MoldauRecords", "MoldauJSON",
                .target(name: "MoldauProtobuf", condition: .when(traits: ["Protobuf"])), swiftProtobuf,
            ],
            path: "Tests/SerdeCosts",
            swiftSettings: strict + warnings),
        .executableTarget(
            name: "simulate",
            dependencies: ["MoldauSimulation", argumentParser],
            path: "Tests/Simulate", swiftSettings: strict + warnings),
        tests("MoldauSimulationTests", ["MoldauSimulation", "ProgramSupport", "simulate"]),
        tests("MoldauCLITests", ["ProgramSupport", "MoldauRecords", "MoldauClient", "MoldauCLI", "wire-load"]),
        tests(
            "ExamplesTests",
            ["ProgramSupport", "word-count", "order-enrichment", "bank-transfer", "WordCounter", "MoldauCLI"]),
        tests(
            "ConformanceTests",
            [
                "Moldau", "MoldauTesting", "MoldauRecords", "MoldauState", "MoldauTopology", "MoldauRuntime",
                "MoldauClient", "MoldauCluster", "MoldauClusterKafka", "MoldauLog", "MoldauBroker", "MoldauServer",
                .product(name: "Logging", package: "swift-log"),
            ], resources: [.copy("Cases"), .copy("MoreCases"), .copy("Differences.json")]),
        tests("RecoveryTests", ["ProgramSupport", "recovery", "word-count"]),
        .target(
            name: "FuzzTargets",
            dependencies: ["MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauWire", "MoldauServer"],
            path: "Tests/Fuzz/Targets",
            swiftSettings: strict + warnings),
        // Built by 'make fuzz', which adds the main function.
        .target(
            name: "FuzzEntry", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Entry", swiftSettings: strict + warnings
        ),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets", "MoldauRecords"], path: "Tests/Fuzz/Tests",
            swiftSettings: strict + warnings),
        // The examples in the documentation, and the package that the README and the pages describe: without our
        // settings, as users build them.
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "Moldau", "MoldauClient", "MoldauClientEmbedded", "MoldauClientServiceLifecycle", "MoldauClientTracing",
                "MoldauClusterKafka", "MoldauConsole", "MoldauJSON", "MoldauMetrics", "MoldauRecords", "MoldauRuntime",
                "MoldauServer", "MoldauServiceLifecycle", "MoldauSettings", "MoldauTesting", "MoldauTracing",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ], swiftSettings: warnings),
        .executableTarget(
            name: "WordCounter",
            dependencies: ["Moldau", .product(name: "Logging", package: "swift-log")],
            path: "Tests/Newcomer/Sources/WordCounter", swiftSettings: warnings),
        .testTarget(
            name: "WordCounterTests", dependencies: ["WordCounter", "Moldau", "MoldauTesting"],
            path: "Tests/Newcomer/Tests/WordCounterTests", swiftSettings: warnings),
        tests(
            "AgreementTests",
            [
                "Moldau", "MoldauRecords", "MoldauTesting", "MoldauCluster", "MoldauServer", "MoldauClusterKafka",
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests("MoldauStateTests", ["MoldauRecords", "MoldauState"]),
        tests(
            "MoldauRecordsTests", ["MoldauRecords"],
            resources: [.copy("Resources/golden-bytes.json"), .copy("Resources/client-batches.json")]),
        tests(
            "MoldauWireTests", ["MoldauRecords", "MoldauWire"],
            resources: [.copy("Resources/golden-wire.json"), .copy("Resources/Flows")]),
        tests("MoldauJSONTests", ["MoldauRecords", "MoldauJSON"]),
        .target(name: "FailingSyncs", path: "Tests/FailingSyncs"),
        tests("MoldauLogTests", ["MoldauRecords", "MoldauLog", "FailingSyncs", "ProgramSupport"], settings: sabotage),
        tests("MoldauBrokerTests", ["MoldauRecords", "MoldauLog", "MoldauBroker"], settings: sabotage),
        tests(
            "MoldauClusterEmbeddedTests",
            [
                "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauCluster", "MoldauClusterEmbedded",
                "ProgramSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests(
            "MoldauServerTests",
            [
                "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauWire", "MoldauNetwork", "MoldauCluster",
                "MoldauClusterEmbedded", "MoldauServer", "ProgramSupport",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
            ], resources: [.copy("Resources/flows")]),
        tests(
            "MoldauClientTests",
            [
                "MoldauRecords", "MoldauWire", "MoldauNetwork", "MoldauClient", "MoldauLog", "MoldauCluster",
                "MoldauClusterEmbedded", "MoldauServer", "MoldauClientEmbedded", "MoldauClientServiceLifecycle",
                "MoldauClientTracing", "ProgramSupport",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        tests(
            "MoldauSettingsTests",
            [
                "MoldauRecords", "MoldauSettings", "MoldauClient", "MoldauServer", "MoldauClusterKafka",
                "MoldauRuntime",
                .product(name: "Configuration", package: "swift-configuration"),
            ]),
        tests(
            "MoldauClusterKafkaTests",
            [
                "Moldau", "MoldauRecords", "MoldauRuntime", "MoldauTopology", "MoldauCluster", "MoldauClient",
                "MoldauClusterKafka", "MoldauCLI", "cluster-worker", "ProgramSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests(
            "MoldauConsoleTests",
            [
                "Moldau", "MoldauConsole", "MoldauServiceLifecycle", "MoldauRecords", "MoldauState", "MoldauRuntime",
                "MoldauTopology", "MoldauCluster", "MoldauClusterEmbedded", "ProgramSupport", "MoldauCLI",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests(
            "MoldauMetricsTests",
            [
                "Moldau", "MoldauRuntime", "MoldauCluster", "MoldauMetrics",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ]),
        tests(
            "MoldauTracingTests",
            [
                "Moldau", "MoldauRecords", "MoldauRuntime", "MoldauCluster", "MoldauTesting", "MoldauTracing",
                "MoldauClient", "MoldauClientEmbedded", "MoldauClientTracing", "MoldauClusterEmbedded",
                tracing, .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
            ]),
        tests(
            "MoldauRuntimeTests",
            [
                "Moldau", "MoldauRecords", "MoldauState", "MoldauTopology", "MoldauRuntime", "MoldauCluster",
                "MoldauClusterEmbedded", "MoldauTesting", "MoldauLog", "MoldauBroker", "ProgramSupport", "state-holder",
                "OldData", "MoldauServiceLifecycle",
                .product(name: "Logging", package: "swift-log"),
            ]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

/// The plugin that `make docs` runs. Fetched only for that.
if ProcessInfo.processInfo.environment["MOLDAU_DOCS"] != nil {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"))
}

/// For quick builds: with `MOLDAU_TESTS=MoldauLogTests,MoldauBrokerTests` only these test targets, and what they need,
/// are built and run. With `MOLDAU_ONLY=word-count` only that program is defined, and packages that it does not need
/// are not fetched.
let only = ProcessInfo.processInfo.environment["MOLDAU_ONLY"]
let tested = ProcessInfo.processInfo.environment["MOLDAU_TESTS"]
if let wanted = (tested ?? only)?.split(separator: ",").map(String.init) {
    package.targets.removeAll { $0.type == .test && !wanted.contains($0.name) }
    var needed = Set(wanted)
    func collect(_ name: String) {
        for dependency in package.targets.first(where: { $0.name == name })?.dependencies ?? [] {
            if case .byNameItem(let name, _) = dependency, needed.insert(name).inserted { collect(name) }
            if case .targetItem(let name, _) = dependency, needed.insert(name).inserted { collect(name) }
        }
    }
    for name in wanted { collect(name) }
    package.targets.removeAll { !needed.contains($0.name) }
    package.products.removeAll { product in
        let targets = (product as? Product.Library)?.targets ?? (product as? Product.Executable)?.targets ?? []
        return !needed.isSuperset(of: targets)
    }
}
if only != nil {
    let needed = package.targets.flatMap(\.dependencies).compactMap { dependency in
        if case .productItem(_, let package?, _, _) = dependency { package } else { nil }
    }
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
        return !needed.contains { location.hasSuffix("/\($0)") }
    }
}
