import ArgumentParser
import ExampleSupport
import Foundation
import Moldau
import MoldauClusterKafka
import Synchronization

/// `recovery restore`: fills a store, deletes it, and lets the application restore it from its changelog.
struct Restore: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Rebuilds a lost store from its changelog; prints records per second, and whether the store is the same.")

    @Option(help: "Keys of the store.")
    var records: Int64 = 1_000_000

    @Option(help: "Bytes of a value.")
    var valueBytes = 100

    @Option(help: "Memory of the state stores, in MiB.")
    var cache = 256

    @Option(help: "The directory of topics and state while it runs.")
    var scratch = FileManager.default.temporaryDirectory.path

    @Option(help: "Use a Kafka cluster at these addresses instead, which has none of the topics yet.")
    var kafka: String?

    @Flag(help: "Print the progress of the restore.")
    var verbose = false

    func validate() throws {
        if records < 1 { throw ValidationError("--records is at least 1") }
        if valueBytes < 0 { throw ValidationError("--value-bytes is at least 0") }
        if cache < 1 { throw ValidationError("--cache is at least 1 MiB") }
    }

    func run() throws {
        EngineOptions.quieten()
        let directory = "\(scratch)/moldau-restore-\(ProcessInfo.processInfo.processIdentifier)"
        let state = "\(directory)/state"
        try FileManager.default.createDirectory(atPath: "\(directory)/topics", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let own = try EmbeddedCluster(directory: "\(directory)/topics", durability: .os)
        let cluster: any Cluster = try kafka.map { try KafkaCluster($0) } ?? own
        try Profiles.createTopic(cluster)
        // Every third user twice, so that the changelog has more records than the store has rows.
        try Profiles.write(0..<records, on: cluster)
        try Profiles.write(stride(from: 0, to: records, by: 3), on: cluster)
        _ = try start(cluster, state)
        let before = try Profiles.digest(stateDirectory: state)
        try FileManager.default.removeItem(atPath: state)
        let restore = try start(cluster, state)
        let after = try Profiles.digest(stateDirectory: state)
        try own.close()
        print(restore.line, "rows", after.rows, "digest", String(after.digest, radix: 16))
        guard before == after, after.rows == records, restore.endsRight else {
            throw ValidationError("the store was \(before), and is \(after) after the restore: \(restore)")
        }
    }

    private struct Measured {
        var seconds: Double
        var cpuSeconds: Double
        var finished: RestoreProgress?
        /// The changelog ends with a marker: the store's offset must be after it.
        var endsRight: Bool { finished.map { $0.position == $0.to && $0.restoredCount < $0.to - $0.from } ?? false }

        var line: String {
            let count = Double(finished?.restoredCount ?? 0)
            return String(
                format: "restore records %.0f seconds %.3f per_s %.0f cpu_s %.3f per_cpu_s %.0f", count, seconds,
                count / seconds, cpuSeconds, count / cpuSeconds)
        }
    }

    /// Runs the application until it has processed everything. Blocks.
    /// - Returns: how long it took until it was running.
    private func start(_ cluster: any Cluster, _ state: String) throws -> Measured {
        let finished = Mutex<RestoreProgress?>(nil)
        let hasStarted = DispatchSemaphore(value: 0)
        var configuration = StreamsConfiguration()
        configuration.guarantee = .exactlyOnce
        configuration.stateMemoryBytes = cache << 20
        configuration.onRestore = { [verbose] progress in
            if verbose { print(progress) }
            if progress.phase == .finished { finished.withLock { $0 = progress } }
        }
        configuration.onStateChange = { if $1 != .rebalancing { hasStarted.signal() } }
        let app = StreamsApplication(
            id: Profiles.applicationID, topology: try Profiles.topology(valueBytes: valueBytes),
            cluster: .cluster(cluster, stateDirectory: state), configuration: configuration)
        let (clock, cpu) = (ContinuousClock.now, Self.cpuSeconds)
        try app.start()
        hasStarted.wait()
        let (wall, used) = (ContinuousClock.now - clock, Self.cpuSeconds - cpu)
        let lag = try ApplicationLag(cluster, applicationID: Profiles.applicationID, inputs: [Profiles.changes.name])
        while app.state == .running, try !lag.isZero() { Thread.sleep(forTimeInterval: 0.01) }
        try app.stop()
        return Measured(seconds: wall / .seconds(1), cpuSeconds: used, finished: finished.withLock { $0 })
    }

    private static var cpuSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
