import ArgumentParser
import ExampleSupport
import Foundation
import Moldau

/// `recovery load`: an application with a given amount of state, under load until it is killed. For
/// `kill_large_state.py`.
struct Load: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fills a store and keeps changing it until it is killed; prints what happens.",
        discussion: """
            Lines: "running" as soon as records are processed; "replayed COUNT of TOTAL" after a restart, TOTAL being the \
            records between the ends of the changelog; "full" once every key was processed.
            """)

    @Option(help: "The directory of topics and state.")
    var directory: String

    @Option(help: "Keys of the store.")
    var records: Int64 = 1_000_000

    @Option(help: "Bytes of a value.")
    var valueBytes = 1_000

    @Option(help: "Memory of the state stores, in MiB.")
    var cache = 256

    @Option(help: "Changes per second once every key exists.")
    var rate = 10_000

    func validate() throws {
        if records < 1 { throw ValidationError("--records is at least 1") }
        if valueBytes < 0 { throw ValidationError("--value-bytes is at least 0") }
        if cache < 1 { throw ValidationError("--cache is at least 1 MiB") }
        if rate < 10 { throw ValidationError("--rate is at least 10") }
    }

    func run() throws {
        EngineOptions.quieten()
        let isRestart = FileManager.default.fileExists(atPath: "\(directory)/state")
        try FileManager.default.createDirectory(atPath: "\(directory)/topics", withIntermediateDirectories: true)
        let opening = ContinuousClock.now
        let cluster = try EmbeddedCluster(directory: "\(directory)/topics")
        Self.say("opened the log in \((ContinuousClock.now - opening).milliseconds) ms")
        try Profiles.createTopic(cluster)
        let app = StreamsApplication(
            id: Profiles.applicationID, topology: try Profiles.topology(valueBytes: valueBytes),
            cluster: .cluster(cluster, stateDirectory: "\(directory)/state"), configuration: configuration)
        try app.start()
        if !isRestart { try Profiles.write(0..<records, on: cluster) }
        try waitUntilProcessed(app, cluster)
        Self.say("full")
        try change(app, cluster)
    }

    private var configuration: StreamsConfiguration {
        var configuration = StreamsConfiguration()
        configuration.guarantee = .exactlyOnce
        configuration.stateMemoryBytes = cache << 20
        configuration.onRestore = { progress in
            if progress.phase == .finished {
                Self.say("replayed \(progress.restoredCount) of \(progress.to.value)")
            }
        }
        configuration.onStateChange = { if $1 == .running { Self.say("running") } }
        return configuration
    }

    private func waitUntilProcessed(_ app: StreamsApplication, _ cluster: any Cluster) throws {
        let lag = try ApplicationLag(cluster, applicationID: Profiles.applicationID, inputs: [Profiles.changes.name])
        while app.state == .rebalancing || app.state == .running, try !lag.isZero() {
            Thread.sleep(forTimeInterval: 0.05)
        }
    }

    private func change(_ app: StreamsApplication, _ cluster: any Cluster) throws {
        var random = SystemRandomNumberGenerator()
        while app.state == .running {
            try Profiles.write(
                (0..<rate / 10).map { _ in Int64.random(in: 0..<records, using: &random) }, on: cluster)
            Thread.sleep(forTimeInterval: 0.1)
        }
        try app.stop()
    }

    private static func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }
}
