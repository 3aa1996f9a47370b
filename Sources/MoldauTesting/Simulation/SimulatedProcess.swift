import MoldauBroker
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// A process on a simulated machine: a broker and the stream threads of an application, one of which runs at a time.
final class SimulatedProcess {
    let broker: Broker<SimulatedDisk>
    let cluster: SimulatedCluster
    let sourcePartitions: [TopicPartition]
    private(set) var threads: [StreamThread?]
    /// Turns that a thread still sits out.
    var pausedTurns: [Int]
    private let plans: [StreamThreadPlan]

    /// Starts the broker, and creates the topics that are not there yet.
    init(
        _ scenario: Scenario, _ topology: Topology, disk: SimulatedDisk, state: SimulatedState, memory: StateMemory,
        clock: SimulatedClock, chance: Chance, mistake: PlantedMistake?
    ) throws {
        broker = try Broker(
            disk, directory: "data", durability: scenario.durability, clock: { clock.now },
            sabotage: mistake?.sabotage ?? [])
        cluster = SimulatedCluster(broker, chance: chance, mistake: mistake, segmentBytes: scenario.segmentBytes)
        let admin = try cluster.makeAdmin(clientID: "simulation")
        let workload = scenario.workload
        // The broker would make these itself, with segments that no run fills.
        for name in ["__consumer_offsets", "__transaction_state"] where broker.topic(name) == nil {
            let settings = ["cleanup.policy": "compact", "segment.bytes": String(scenario.segmentBytes)]
            try broker.create([TopicMetadata(name: name, partitionCount: 2, configuration: settings)])
        }
        for name in workload.inputs + [workload.output] where broker.topic(name) == nil {
            try admin.create([NewTopic(name, partitionCount: scenario.partitions)])
        }
        let names = InternalTopicNames(applicationID: Workload.applicationID, topology: topology)
        let topics = try TopicPlan.prepare(topology, names: names, newTopicPartitions: nil, admin: admin)
        let cluster = cluster
        plans = TopicPlan.assign(topics.tasks, toThreads: scenario.threads).enumerated().map { index, tasks in
            var plan = StreamThreadPlan(
                number: index + 1, tasks: tasks, topology: topology, names: names,
                configuration: scenario.configuration, partitionCounts: topics.partitionCounts, cluster: cluster,
                memory: memory, stateDirectory: nil)
            plan.environment = { state.environment($0) }
            return plan
        }
        threads = plans.map { _ in nil }
        pausedTurns = plans.map { _ in 0 }
        let read = topology.subtopologies.flatMap(\.sourceTopics).map(names.topic)
        sourcePartitions = Set(read).sorted().flatMap { topic in
            (0..<(topics.partitionCounts[topic] ?? 0)).map { TopicPartition(topic, $0) }
        }
    }

    /// Lets a thread do one round; opens it first where it is not.
    /// - Returns: how many records it processed.
    func step(_ number: Int, now: Timestamp) throws -> Int {
        if pausedTurns[number] > 0 {
            pausedTurns[number] -= 1
            return 0
        }
        guard let thread = threads[number] else {
            threads[number] = try StreamThread(plans[number], now: now)
            return 0
        }
        do {
            return try thread.runOnce(now: now, wait: .zero)
        } catch {
            drop(number)
            throw error
        }
    }

    /// A thread ends without a commit; the next step opens another.
    func drop(_ number: Int) {
        // What is wrong with it is known, or found by the checks.
        try? threads[number]?.close()
        threads[number] = nil
    }

    /// Commits, and ends all threads.
    func stopThreads(now: Timestamp) throws {
        for number in threads.indices {
            defer { threads[number] = nil }
            try threads[number]?.stop(now: now)
        }
    }

    /// Lets go of memory after the process died: nothing reaches the disk any more.
    func bury() { for number in threads.indices { drop(number) } }

    /// The threads' plans, with their stores in another place.
    func plans(on state: SimulatedState) -> [StreamThreadPlan] {
        plans.map { plan in
            var plan = plan
            plan.environment = { state.environment($0) }
            return plan
        }
    }

    var areAllRunning: Bool { threads.allSatisfy { $0?.phase == .running } }

    /// Partitions whose records are not all processed and committed, with why.
    func undrained() throws -> [String] {
        let committed = broker.committedOffsets(of: Workload.applicationID)
        var undrained: [String] = []
        for name in sourcePartitions {
            let partition = try broker.partition(name)
            let (end, stable) = (try partition.endOffset(), try partition.bounds().upperBound)
            let position = committed[name]?.offset ?? .zero
            if stable < end { undrained.append("\(name): records behind \(stable) of \(end) are undecided") }
            if position < stable { undrained.append("\(name): committed \(position) of \(stable)") }
        }
        return undrained
    }

    /// The committed records of a topic, partition after partition.
    func records(of topic: String) throws -> [ReadRecord] {
        var records: [ReadRecord] = []
        for number in 0..<(broker.topic(topic)?.partitionCount ?? 0) {
            try broker.read(TopicPartition(topic, number), into: &records)
        }
        return records
    }
}
