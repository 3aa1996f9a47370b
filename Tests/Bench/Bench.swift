import ArgumentParser
import ExampleSupport
import Foundation
import Moldau
import MoldauClusterKafka
import MoldauServer
import MoldauTracing
import Tracing

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures applications on the embedded log.",
        subcommands: [Throughput.self, Latency.self, ManyTasks.self], defaultSubcommand: Throughput.self)
}

/// `bench w1`: runs one workload through an application and prints its cost.
struct Throughput: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "throughput",
        abstract: "Measures a workload: w1 counts words, w2 sums in windows, w3 joins a stream with a table.",
        discussion: """
            The input is written to a topic of the embedded log first, which is not measured. The figures go from the \
            start of the application to its end: everything is processed, committed, and stored by then. Docs/Performance.md \
            says how to read them.
            """)

    @Argument(help: "w1, w2 or w3.")
    var workload: Workload

    @Option(help: "The directory with the generated inputs and EXPECTED.txt.")
    var input: String

    @Option(help: "A program to run in turn with this one, called as: PROGRAM WORKLOAD INPUT SCRATCH.")
    var against: String?

    @Option(help: "How often, with --against.")
    var pairs = 3

    @Option(help: "exactly-once or at-least-once.")
    var guarantee = Guarantee.exactlyOnce

    @Option(help: "sync, os, or a number of milliseconds within which what is acknowledged is on disk.")
    var durability = DurabilityOption(argument: "sync")!

    @Option(help: "Stream threads.")
    var threads = 1

    @Option(help: "Partitions of the topics.")
    var partitions = 1

    @Option(help: "rocksdb or memory.")
    var store = StoreOption.rocksdb

    @Option(help: "Memory of the state stores, in MiB.")
    var cache = 1024

    @Option(help: "Which changes of a table go downstream: every, or the last of each key per commit.")
    var emit = EmitOption.every

    @Option(help: "Where topics and state lie while it runs.")
    var scratch = FileManager.default.temporaryDirectory.path

    @Flag(help: "Listen for Kafka clients meanwhile.")
    var listening = false

    @Option(help: "Use a Kafka cluster at these addresses instead, which has none of the topics yet.")
    var kafka: String?

    @Option(help: "Use only that many lines of the input; the sums are not compared then.")
    var limit: Int?

    @Option(help: "Read the application's metrics every second meanwhile, and write them to this file.")
    var metrics: String?

    @Option(help: "Ask for the counts of that many keys a second meanwhile, with w1.")
    var lookUps: Int?

    @Option(help: "How many keys are asked for at a time.")
    var keysAtATime = 512

    @Flag(help: "Look for traces in the records' headers, with a tracer that records nothing.")
    var traces = false

    enum StoreOption: String, ExpressibleByArgument, CaseIterable { case rocksdb, memory }
    enum EmitOption: String, ExpressibleByArgument, CaseIterable { case every, last }

    func validate() throws {
        if threads < 1 { throw ValidationError("--threads is at least 1") }
        if partitions < 1 { throw ValidationError("--partitions is at least 1") }
        if pairs < 1 { throw ValidationError("--pairs is at least 1") }
        if let lookUps, lookUps < 1 || workload != .w1 || keysAtATime < 1 {
            throw ValidationError("--look-ups goes with w1, and is at least 1, as is --keys-at-a-time")
        }
        if cache < 1 { throw ValidationError("--cache is at least 1 MiB") }
    }

    func run() throws {
        EngineOptions.quieten()
        if let against {
            try Comparison(workload: workload, input: input, against: against, scratch: scratch).run(pairs: pairs)
        } else {
            try measure()
        }
    }

    private func measure() throws {
        try withScratchCluster(in: scratch, durability.durability) { cluster, stateDirectory in
            let server = listening ? try BrokerServer(of: cluster, listening: [.localhost(0)]) : nil
            try server?.startNow()
            defer { server?.stopNow() }
            let chosen: any Cluster = try kafka.map { try KafkaCluster($0) } ?? cluster
            var run = WorkloadRun(
                workload: workload, input: input, cluster: chosen.port, stateDirectory: stateDirectory,
                partitions: Int32(partitions), limit: limit, options: topologyOptions, configuration: configuration)
            run.metricsFile = metrics
            run.lookUps = try lookUps.map {
                LookUps(perSecond: $0, keysAtATime: keysAtATime, words: try run.someWords())
            }
            let outcome = try run.measured()
            print(outcome.line)
            try run.check(outcome)
        }
    }

    private var topologyOptions: TopologyOptions {
        TopologyOptions(
            emission: emit == .every ? .everyChange : .lastPerCommit(maxHeldKeys: 1 << 20),
            storeKinds: store == .memory ? .inMemory : .rocksDB)
    }

    private var configuration: StreamsConfiguration {
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee.processing
        configuration.streamThreads = threads
        configuration.stateMemoryBytes = cache << 20
        // As often as the limit program does.
        configuration.writeBehindInterval = workload == .w3 ? .seconds(2) : .seconds(10)
        if traces { configuration.traceRecords(by: NoOpTracer()) }
        return configuration
    }
}

/// Provides a cluster and a directory for state; both are removed afterwards.
func withScratchCluster(
    in scratch: String, _ durability: Durability, _ body: (EmbeddedCluster, _ stateDirectory: String) throws -> Void
) throws {
    let directory = "\(scratch)/moldau-bench-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: "\(directory)/topics", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let cluster = try EmbeddedCluster(directory: "\(directory)/topics", durability: durability)
    try body(cluster, "\(directory)/state")
    try cluster.close()
}
