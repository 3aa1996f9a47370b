import Foundation
import Moldau
import MoldauCluster
import MoldauRecords
import MoldauTesting

/// The records that a run wrote to the plan's output topics: partition by partition, each in order.
typealias Outputs = [String: [RawRecord]]

/// How a plan is run. The results may depend on it only as far as `Agreement` says.
struct RunSetting: CustomStringConvertible {
    enum Place: String { case driver, cluster }
    /// What happens to a thread from time to time.
    enum Interruption: String {
        case none
        /// It commits and is dropped; the next one finds its disk.
        case keepingDisk
        /// It commits and is dropped, and its disk is lost: everything is restored from changelogs.
        case losingDisk
        /// It commits and is dropped; the next one finds its disk, and another definition of its stores: windows kept
        /// longer or shorter, on disk or in memory.
        case changing
        /// It is dropped without a commit.
        case uncommitted
    }

    var place = Place.driver
    var storeKind = StoreKind.inMemory
    var emission = Emission.everyChange
    var optimizations: Set<TopologyOptimization> = []
    var partitions: Int32 = 1
    var threads = 1
    /// One record per round, one second per round, and a commit every so many rounds: work that depends on the clock is
    /// then done for each record, as under the driver. nil: at random.
    var commitEveryRounds: Int?
    var interruption = Interruption.none

    var options: TopologyOptions {
        TopologyOptions(
            // Several steps of one kind may have the same input: numbers distinguish them.
            naming: .kafkaStreams, emission: emission, storeKinds: StoreKinds(storeKind), optimizations: optimizations)
    }

    var description: String {
        "\(place), \(storeKind), \(emission), optimized \(optimizations), \(partitions) partitions, \(threads) threads, "
            + "commit every \(commitEveryRounds.map { "\($0)" } ?? "now and then"), interruption \(interruption)"
    }
}

/// Runs a plan under the test driver.
struct DriverRun {
    /// Everything that was written, including changelogs and repartition topics.
    let written: Outputs

    init(_ plan: Plan, _ setting: RunSetting) throws {
        let driver = try TopologyTestDriver(
            try PlanTopology.build(plan, setting.options),
            state: setting.storeKind == .rocksDB ? .temporaryDirectory : .memory)
        defer { try? driver.close() }
        for record in plan.inputs {
            try driver.pipe(
                topic: record.topic, key: Array(record.key.utf8), value: record.value.map { Array($0.utf8) },
                at: Timestamp(ms: record.time))
        }
        written = driver.writtenTopics.reduce(into: [:]) { $0[$1] = driver.readBytes(from: $1) }
    }

    func outputs(of plan: Plan) -> Outputs {
        plan.outputs.map { Plan.topic(ofOutput: $0) }.reduce(into: [:]) { $0[$1] = written[$1] ?? [] }
    }
}

/// Runs a plan on a cluster in memory, or on one over the wire. Stream threads take turns on the calling thread; a seed
/// determines which thread runs, which one commits, and which one is interrupted.
final class ClusterRun {
    private let plan: Plan
    private let setting: RunSetting
    private let cluster: any ClusterPort
    /// How long records may be in transit.
    private let wait: Duration
    /// The partitions that tasks read.
    private var inputs: Set<TopicPartition> = []
    private let admin: any Admin
    private let directory: String
    private var random: SeededGenerator
    private var plans: [StreamThreadPlan] = []
    private var threads: [StreamThread?] = []
    private var now = RoundTime(Timestamp(ms: 0))
    private var rounds = 0
    private(set) var interruptionCount = 0

    /// - Parameter remote: a cluster over the wire, without topics of the plan; nil for one in memory.
    init(_ plan: Plan, _ setting: RunSetting, seed: UInt64, on remote: (any ClusterPort)? = nil) throws {
        (self.plan, self.setting) = (plan, setting)
        random = SeededGenerator(seed: seed)
        wait = remote == nil ? .zero : .milliseconds(5)
        cluster = try remote ?? EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 0) })
        admin = try cluster.makeAdmin()
        directory = NSTemporaryDirectory() + "/moldau-agreement-\(UUID().uuidString)"
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func outputs() throws -> Outputs {
        try writeInputs()
        try openThreads()
        try runUntilDone()
        let outputs = try plan.outputs.map { Plan.topic(ofOutput: $0) }.reduce(into: [:]) { $0[$1] = try read($1) }
        for thread in threads { try thread?.stop(now: now) }
        return outputs
    }

    private func writeInputs() throws {
        let topics = (0..<5).map { "in-\($0)" } + plan.outputs.map { Plan.topic(ofOutput: $0) }
        // The inputs have timestamps of 1970.
        let configuration = ["retention.ms": "-1"]
        try admin.create(
            topics.map { NewTopic($0, partitionCount: setting.partitions, configuration: configuration) })
        let producer = try cluster.makeProducer(clientID: "agreement")
        defer { producer.close() }
        for record in plan.inputs {
            var builder = RecordBatchBuilder()
            let (key, value) = (Array(record.key.utf8), record.value.map { Array($0.utf8) })
            let partition = key.withUnsafeBytes { key in
                (value ?? []).withUnsafeBytes { bytes in
                    builder.append(
                        key: key, value: value == nil ? nil : bytes, timestamp: Timestamp(ms: record.time))
                }
                return (murmur2(key) & 0x7fff_ffff) % setting.partitions
            }
            try producer.send(builder.finish(), to: TopicPartition(record.topic, partition))
        }
        try producer.flush()
    }

    private func openThreads() throws {
        let topology = try PlanTopology.build(plan, setting.options)
        let names = InternalTopicNames(applicationID: "app", topology: topology)
        let topics = try TopicPlan.prepare(topology, names: names, newTopicPartitions: nil, admin: admin)
        inputs = topology.subtopologies.reduce(into: []) { inputs, part in
            for topic in part.sourceTopics.map(names.topic) {
                for partition in 0..<(topics.partitionCounts[topic] ?? 0) {
                    inputs.insert(TopicPartition(topic, partition))
                }
            }
        }
        var configuration = StreamsConfiguration()
        configuration.commitInterval = .seconds(1_000_000)
        configuration.recordsPerTurn = setting.commitEveryRounds == nil ? Int.random(in: 1...20, using: &random) : 1
        let memory = StateMemory(budgetBytes: 8 << 20)
        let dealt = StickyAssignment(topics.work(of: topology), members: Set(1...setting.threads))
        plans = (1...setting.threads).map { number in
            StreamThreadPlan(
                number: number, tasks: dealt.tasks(of: number), topology: topology, names: names,
                configuration: configuration,
                partitionCounts: topics.partitionCounts, cluster: cluster, memory: memory,
                stateDirectory: setting.storeKind == .inMemory ? nil : directory)
        }
        threads = try plans.map { try StreamThread($0, now: now) }
    }

    // MARK: Rounds

    private func runUntilDone() throws {
        var idleRounds = 0
        // A commit forwards held changes, which may give other tasks something to do.
        while idleRounds < 3 {
            var count = 0
            for index in threads.indices.shuffled(using: &random) {
                let done = try turn(of: index)
                count += done
                if done > 0, random.chance(8) { try interrupt(index) }
            }
            if count > 0 {
                idleRounds = 0
            } else {
                idleRounds += 1
                for index in threads.indices { try commit(index) }
                if idleRounds == 3, try !hasReadAll() { idleRounds = 0 }
            }
            rounds += 1
            precondition(rounds < 100_000, "a run must end")
        }
    }

    /// How long records may be in transit, at most.
    private static let patience = Duration.seconds(30)

    private struct Unread: Error {
        let partition: TopicPartition
        let position: Offset
        let end: Offset
    }

    /// Whether everything that tasks read is committed: over the wire, records may be in transit.
    private func hasReadAll() throws -> Bool {
        guard wait > .zero else { return true }
        let consumer = try cluster.makeConsumer(ConsumerOptions(clientID: "agreement", group: "app"))
        defer { consumer.close() }
        let (committed, ends) = (try consumer.committed(inputs), try consumer.ends(of: inputs))
        return ends.allSatisfy { committed[$0.key]?.offset ?? .zero >= $0.value }
    }

    private func turn(of index: Int) throws -> Int {
        guard let thread = threads[index] else { return 0 }
        now = now + (setting.commitEveryRounds == nil ? .milliseconds(random.pick([0, 10, 1_500])) : .seconds(1))
        let isRestoring = thread.phase == .restoring
        let count = try thread.runOnce(now: now, wait: wait)
        if isRestoring { return 1 }
        let isCommitDue = setting.commitEveryRounds.map { rounds % $0 == 0 } ?? random.chance(20)
        if isCommitDue { try commit(index) }
        return count
    }

    private func commit(_ index: Int) throws {
        guard let thread = threads[index], thread.phase == .running else { return }
        try thread.commit(now: now, writeBehind: random.chance(8))
    }

    private func interrupt(_ index: Int) throws {
        guard setting.interruption != .none, interruptionCount < 4 else { return }
        interruptionCount += 1
        if setting.interruption != .uncommitted { try commit(index) }
        threads[index] = nil
        if setting.interruption == .losingDisk {
            for task in plans[index].tasks {
                try? FileManager.default.removeItem(atPath: "\(directory)/\(task)")
            }
        }
        if setting.interruption == .changing {
            var options = setting.options
            options.storeKinds = StoreKinds(random.pick([.rocksDB, .rocksDB, .inMemory]))
            plans[index].topology = try PlanTopology.build(
                plan, options, moreRetentionMs: random.pick([0, 30_000, 86_400_000]))
        }
        threads[index] = try StreamThread(plans[index], now: now)
    }

    private func read(_ topic: String) throws -> [RawRecord] {
        let consumer = try cluster.makeConsumer(clientID: "agreement")
        defer { consumer.close() }
        var records: [RawRecord] = []
        for partition in 0..<setting.partitions {
            let place = TopicPartition(topic, partition)
            try consumer.assign([place])
            try consumer.seek(place, to: .zero)
            let end = try consumer.ends(of: [place])[place] ?? .zero
            let limit = ContinuousClock.now + Self.patience
            while let position = consumer.position(place), position < end {
                if ContinuousClock.now > limit { throw Unread(partition: place, position: position, end: end) }
                for batches in try consumer.poll(wait: wait) {
                    var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                    while let view = try reader.next() {
                        records.append(
                            RawRecord(
                                key: view.key.map { Array($0) }, value: view.value.map { Array($0) },
                                timestamp: view.timestamp))
                    }
                }
            }
        }
        return records
    }
}
