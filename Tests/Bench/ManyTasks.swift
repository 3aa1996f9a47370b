import ArgumentParser
import ExampleSupport
import Foundation
import Moldau
import MoldauCluster

/// `bench tasks`: many tasks with four stores each, under one memory budget.
struct ManyTasks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "Measures the memory of many tasks with four stores each.",
        discussion: """
            Records of random keys go to as many partitions as there are tasks, at a steady rate. Each is counted, reduced, \
            summed and joined to a text, in four stores. The memory that the process had before the application started is told \
            apart.
            """)

    @Option(help: "Tasks, each with four stores.")
    var tasks = 64

    @Option(help: "Memory of all state stores together, in MiB.")
    var budget = 256

    @Option(help: "Records per second.")
    var rate = 20_000

    @Option(help: "Different keys.")
    var keys = 4_000_000

    @Option(help: "How long records are appended.")
    var seconds = 600

    @Option(help: "Where topics and state lie while it runs.")
    var scratch = FileManager.default.temporaryDirectory.path

    private static let input = Topic<String, String>("input")

    func run() throws {
        EngineOptions.quieten()
        try withScratchCluster(in: scratch, .sync) { cluster, stateDirectory in
            try cluster.makeAdmin().create([
                NewTopic("input", partitionCount: Int32(tasks), configuration: ["retention.ms": "60000"])
            ])
            var configuration = StreamsConfiguration()
            configuration.guarantee = .exactlyOnce
            configuration.stateMemoryBytes = budget << 20
            let app = StreamsApplication(
                id: "bench", topology: try Self.topology(), cluster: .cluster(cluster, stateDirectory: stateDirectory),
                configuration: configuration)
            let before = Cost.residentBytes
            try app.start()
            Cost.forgetPeak()
            let peakUsage = try append(to: cluster, watching: app)
            let lag = try ApplicationLag(cluster, applicationID: "bench", inputs: ["input"])
            let limit = ContinuousClock.now + .seconds(60)
            while try !lag.isZero(), app.state == .running || app.state == .rebalancing, ContinuousClock.now < limit {
                Thread.sleep(forTimeInterval: 0.1)
            }
            try app.stop()
            let processed = app.metrics.processedRecords
            print(
                "tasks \(tasks) stores \(4 * tasks) records \(processed) budget_mib \(budget)",
                "peak_used_mib \(peakUsage >> 20) peak_mib \(Cost.peakMemoryBytes >> 20) before_mib \(before >> 20)")
            guard processed == Int64(rate * seconds) else {
                throw ValidationError(
                    "\(rate * seconds) were appended: more than it can process, or it is \(app.state)")
            }
        }
    }

    private static func topology() throws -> Topology {
        try Topology { streams in
            let grouped = streams.stream(input).groupByKey()
            _ = grouped.count(as: TableStoreName<String, Int64>("counts"))
            _ = grouped.reduce(as: TableStoreName<String, String>("latest")) { _, new in new }
            _ = grouped.aggregate(0, as: TableStoreName<String, Int>("lengths")) { sum, _, value in
                sum += value.utf8.count
            }
            _ = grouped.aggregate("", as: TableStoreName<String, String>("texts")) { text, _, value in
                text = String((text + value).suffix(100))
            }
        }
    }

    /// - Returns: the most of the budget that was seen in use.
    private func append(to cluster: EmbeddedCluster, watching app: StreamsApplication) throws -> Int {
        let producer = try cluster.makeProducer(clientID: "bench")
        var random = SeededGenerator(seed: 1)
        var builders: [RecordBatchBuilderBox] = (0..<tasks).map { _ in RecordBatchBuilderBox() }
        let pace = Pace(perSecond: rate, total: rate * seconds)
        var (sent, peak) = (0, 0)
        while sent < pace.total {
            let now = EmbeddedCluster.systemClock()
            for _ in sent..<max(sent, pace.due) {
                let key = Int.random(in: 0..<keys, using: &random)
                builders[key % tasks].append("key-\(key)", "value-\(sent)", at: now)
                sent += 1
            }
            for (partition, builder) in builders.enumerated() {
                try builder.send(to: TopicPartition("input", Int32(partition)), by: producer)
            }
            peak = max(peak, app.memoryUsage?.usedBytes ?? 0)
            guard app.state == .running || app.state == .rebalancing else {
                throw ValidationError("the application is \(app.state)")
            }
            Thread.sleep(forTimeInterval: 0.02)
        }
        builders = []
        try producer.flush()
        producer.close()
        return peak
    }

    private final class RecordBatchBuilderBox {
        private var builder = RecordBatchBuilder(capacity: 4 << 10)

        func append(_ key: String, _ value: String, at time: Timestamp) {
            var (key, value) = (key, value)
            key.withUTF8 { key in
                value.withUTF8 {
                    builder.append(
                        key: UnsafeRawBufferPointer(key), value: UnsafeRawBufferPointer($0), timestamp: time)
                }
            }
        }

        func send(to partition: TopicPartition, by producer: any Producer) throws {
            guard !builder.isEmpty else { return }
            try producer.send(builder.finish(), to: partition)
            builder.reset()
        }
    }
}
