import MoldauBroker
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// A process on a simulated machine: a broker and an application's stream threads, which run one at a time.
final class SimulatedProcess {
    let broker: Broker<SimulatedDisk>
    let cluster: SimulatedCluster
    let sourcePartitions: [TopicPartition]
    /// The stores that readers can query.
    let askedStores: [AskedStore]
    private let tasks: [TaskID]
    /// The numbers of the threads, including those that are leaving.
    private(set) var numbers: [Int]
    /// For how many more turns each paused thread is skipped.
    var pausedTurns: [Int: Int] = [:]
    private(set) var placement: TaskPlacement
    private(set) var threads: [Int: StreamThread] = [:]
    /// What queries saw after each thread's last step.
    var seenStores: [Int: [String: SeenStore]] = [:]
    /// Threads whose last commit may be half done, because the disk was full, or the thread failed.
    var halfCommitted: Set<Int> = []
    private var failed: Set<Int> = []
    private var leaving: Set<Int> = []
    private let plan: StreamThreadPlan
    let mistake: PlantedMistake?

    /// Starts the broker, and creates missing topics.
    /// - Parameter topic: deleted and recreated first; nil: none.
    init(
        _ scenario: Scenario, _ topology: Topology, disk: SimulatedDisk, state: any MachineState, memory: StateMemory,
        clock: SimulatedClock, chance: Chance, executor: SimulatedExecutor, makesAgain topic: String?,
        mistake: PlantedMistake?
    ) throws {
        clock.beginProcess()
        broker = try Broker(
            disk, directory: "data", durability: scenario.durability, clock: { clock.now }, uptime: { clock.uptime },
            randomness: SeededGenerator(seed: UInt64(chance.below(.max))), logger: Scenario.logger,
            callbacks: .byHand)
        cluster = SimulatedCluster(
            broker, chance: chance, mistake: mistake, segmentBytes: scenario.segmentBytes,
            hasCopies: scenario.standbys > 0)
        let admin = try cluster.makeAdmin()
        let workload = scenario.workload
        // The broker would create these itself, but with segments too large for a run to fill.
        for name in ["__consumer_offsets", "__transaction_state"] where broker.topic(name) == nil {
            let settings = ["cleanup.policy": "compact", "segment.bytes": String(scenario.segmentBytes)]
            try broker.create([TopicMetadata(name: name, partitionCount: 2, configuration: settings)])
        }
        if let topic, broker.topic(topic) != nil { try broker.delete(topic) }
        for name in workload.inputs + [workload.output] where broker.topic(name) == nil {
            try admin.create([NewTopic(name, partitionCount: scenario.partitions)])
        }
        let names = InternalTopicNames(applicationID: Workload.applicationID, topology: topology)
        let topics = try TopicPlan.prepare(
            topology, names: names, newTopicPartitions: nil,
            settings: InternalTopicSettings(scenario.configuration), admin: admin)
        var plan = StreamThreadPlan(
            number: 0, tasks: [], topology: topology, names: names, configuration: scenario.configuration,
            partitionCounts: topics.partitionCounts, cluster: cluster, memory: memory, stateDirectory: nil)
        plan.topicIDs = topics.topicIDs
        plan.environment = { state.environment($0) }
        plan.configuration.asyncExecutor = executor
        if mistake == .tasksOneAfterTheOther { plan.configuration.taskIdling = .never }
        self.plan = plan
        self.mistake = mistake
        tasks = topics.tasks
        numbers = Array(1...scenario.threads)
        placement = TaskPlacement(topics.work(standbys: scenario.standbys, of: topology))
        placement.join(numbers)
        askedStores = AskedStore.all(
            of: topology, topics.tasks, names, partitionCounts: topics.partitionCounts)
        let read = topology.subtopologies.flatMap(\.sourceTopics).map(names.topic)
        sourcePartitions = Set(read).sorted().flatMap { topic in
            (0..<(topics.partitionCounts[topic] ?? 0)).map { TopicPartition(topic, $0) }
        }
    }

    /// Runs one round of a thread; opens it first if needed, and ends it if it is leaving.
    /// - Returns: how many records it processed.
    func step(_ number: Int, now: RoundTime) throws -> Int {
        if let turns = pausedTurns[number], turns > 0 {
            pausedTurns[number] = turns - 1
            return 0
        }
        guard let thread = threads[number] else {
            var plan = plan
            plan.number = number
            // Like the loop of a thread, it waits until its global tables can be opened.
            do { threads[number] = try StreamThread(plan, now: now) } catch StateError.noSpace { return 0 }
            if failed.remove(number) != nil { placement.restarted(number) }
            return 0
        }
        do {
            if leaving.contains(number) { return try end(number, thread, now: now) }
            thread.granted = placement.granted(number)
            cluster.handsOver(mistake == .taskHandedOverBeforeCommit ? thread.leavingPartitions : [])
            let count = try thread.runOnce(now: now, wait: .zero)
            placement.update(number, holds: thread.held, followed: thread.granted, status: thread.status)
            return count
        } catch {
            drop(number)
            throw error
        }
    }

    /// A committed position implies that the results of all records before it were forwarded.
    func commitsWithoutResults(of number: Int) -> [String] {
        (threads[number]?.tasks ?? []).filter { $0.context.deferredCount > 0 && !$0.hasUncommitted }
            .map { "\($0.id) has committed records whose results are missing" }
    }

    private func end(_ number: Int, _ thread: StreamThread, now: RoundTime) throws -> Int {
        try thread.stop(now: now)
        threads[number] = nil
        seenStores[number] = nil
        numbers.removeAll { $0 == number }
        leaving.remove(number)
        placement.left(number)
        return 0
    }

    /// Ends a thread without a commit; its next step opens a new one.
    func drop(_ number: Int) {
        // An error is already known, or found by the checks.
        guard let thread = threads.removeValue(forKey: number) else { return }
        seenStores[number] = nil
        halfCommitted.insert(number)
        try? thread.close()
        placement.stopped(number)
        failed.insert(number)
    }

    func addThread() {
        let number = (1...).first { !numbers.contains($0) } ?? 1
        numbers.append(number)
        placement.join([number])
    }

    /// Makes the thread that was added last leave, unless it is the only one.
    func removeThread() {
        guard let number = numbers.last(where: { !leaving.contains($0) }), numbers.count - leaving.count > 1 else {
            return
        }
        leaving.insert(number)
        placement.leave(number)
    }

    /// Commits, and ends all threads.
    func stopThreads(now: RoundTime) throws {
        for number in numbers { try threads.removeValue(forKey: number)?.stop(now: now) }
    }

    /// Frees the memory after the process died: no more data reaches the disk.
    func bury() { for number in numbers { drop(number) } }

    /// The plan of a thread with all tasks, with its stores in another state.
    func plan(on state: any MachineState) -> StreamThreadPlan {
        var plan = plan
        (plan.number, plan.tasks) = (1, tasks)
        plan.environment = { state.environment($0) }
        return plan
    }

    /// The directories of all tasks, sorted by task: those in use, and those of copies.
    var directories: [(task: TaskID, directory: String, isCopy: Bool)] {
        numbers.flatMap { number in
            let held = placement.held(number)
            return held.active.map { ($0.key, TaskSet.directory(of: $0.key, replica: $0.value), false) }
                + held.standby.map { ($0.key, TaskSet.directory(of: $0.key, replica: $0.value), true) }
        }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
    }

    /// Whether everything is processed, and the copies have caught up.
    func isAtRest() throws -> Bool {
        guard placement.isSettled, failed.isEmpty else { return false }
        // An input topic that serves as a changelog is followed up to the committed position only.
        let committed = broker.committedOffsets(of: Workload.applicationID)
        return try threads.values.flatMap(\.report.lags).allSatisfy { lag in
            try lag.position >= committed[lag.changelog]?.offset ?? broker.partition(lag.changelog).endOffset()
        }
    }

    /// The partitions whose records are not all processed and committed, with the reason.
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

    /// The committed records of a topic, partition by partition.
    func records(of topic: String) throws -> [ReadRecord] {
        var records: [ReadRecord] = []
        for number in 0..<(broker.topic(topic)?.partitionCount ?? 0) {
            try broker.read(TopicPartition(topic, number), into: &records)
        }
        return records
    }
}
