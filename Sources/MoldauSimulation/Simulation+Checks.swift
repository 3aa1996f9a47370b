import MoldauBroker
import MoldauRecords
import MoldauRuntime
import MoldauTopology

extension Simulation {
    func check() {
        attempt { try checkAll() }
    }

    func checkAll() throws {
        guard let process else { return }
        try process.stopThreads(now: clock.round)
        try checkInput(process)
        try readOutput(process)
        if !promises.wereUsed {
            let inputs = try Dictionary(
                uniqueKeysWithValues: scenario.workload.inputs.map { ($0, try process.records(of: $0)) })
            let outcome = Outcome(
                inputs: inputs, outputs: try process.records(of: scenario.workload.output),
                isExact: scenario.guarantee == .exactlyOnce, forms: forms,
                formerRows: feeder.formerValues(of: Workload.globalTopic), last: feeder.lastValues,
                isProcessedByTime: scenario.threads == 1 && scenario.stepsPerHandOver == nil
                    && !scenario.hasFutureEvents,
                order: feeder.order, hasCrashed: crashes > 0)
            for complaint in scenario.workload.complaints(outcome) { complain(complaint) }
            try checkGlobalTables(process, inputs)
        }
        if !violations.isEmpty { try describe(process) }
        if scenario.checksCompaction {
            queries.hasCompacted = true
            let check = CompactionCheck(broker: process.broker, disk: disk)
            for complaint in try check.compact() + check.leftovers() { complain(complaint) }
        }
        let (before, images) = (try contents(process), try heldImages(process))
        if !promises.wereUsed, !forms.current.isInMemory { try checkRestored(process) }
        for isCrash in [true, false] where violations.isEmpty {
            attempt { try self.process?.broker.syncNow() }
            if isCrash { crash(.power) } else { restart() }
            drain()
            guard let process = self.process else { continue }
            try process.stopThreads(now: clock.round)
            compare(try contents(process), before, isCrash ? "a crash" : "a clean restart")
            compare(try heldImages(process), images)
        }
        if violations.isEmpty, scenario.filePlace == .simulated { try checkRot() }
    }

    func checkRot() throws {
        guard let process else { return }
        try process.broker.close()
        self.process = nil
        let check = BitRotCheck(disk: disk, clock: clock, chance: chance, trace: trace)
        for complaint in check.complaints() { complain(complaint) }
    }

    /// Adds the records of the input and output topics to the trace.
    func describe(_ process: SimulatedProcess) throws {
        for topic in scenario.workload.inputs + [scenario.workload.output] {
            for record in try process.records(of: topic) { trace.note("holds", "\(topic) \(record)") }
        }
    }

    /// The records in the topics as a reader sees them, except the broker's own topics.
    func contents(_ process: SimulatedProcess) throws -> [String: [ReadRecord]] {
        var contents: [String: [ReadRecord]] = [:]
        for topic in process.broker.topics() where !topic.name.hasPrefix("__") {
            contents[topic.name] = try process.records(of: topic.name)
        }
        return contents
    }

    func compare(_ now: [String: [ReadRecord]], _ before: [String: [ReadRecord]], _ event: String) {
        let positions = process?.broker.committedOffsets(of: Workload.applicationID) ?? [:]
        for (topic, records) in before.sorted(on: \.key) where now[topic] != records {
            let held = Set(now[topic] ?? [])
            let (lost, new) = (records.filter { !held.contains($0) }, held.subtracting(records))
            let brought = new.sorted { ($0.partition, $0.offset) < ($1.partition, $1.offset) }
            // The time of a purge is not guaranteed; only records that the application has processed are purged.
            let isPurged = purgedTopics.contains(topic)
            if isPurged, new.isEmpty,
                lost.allSatisfy({ (positions[TopicPartition(topic, $0.partition)]?.offset.value ?? 0) > $0.offset })
            {
                continue
            }
            if lost.isEmpty && (isPurged || topic.hasSuffix("-changelog")) { continue }
            complain("\(event) took \(lost.prefix(3)) from \(topic), and brought \(brought.prefix(3))")
        }
    }

    /// The topics that the application itself purges.
    private var purgedTopics: Set<String> {
        let names = InternalTopicNames(applicationID: Workload.applicationID, topology: topology)
        return Set(topology.repartitionTopics.map { names.topic($0.name) })
    }

    func checkInput(_ process: SimulatedProcess) throws {
        var seen: [String: Int] = [:]
        for topic in scenario.workload.inputs {
            var last = -1
            var partition: Int32 = -1
            for record in try process.records(of: topic) {
                let name = Feeder.name(topic, record.key, record.value)
                seen[name, default: 0] += 1
                if record.partition != partition { (partition, last) = (record.partition, -1) }
                let number = feeder.index[name] ?? -1
                if number <= last { complain("\(topic)-\(partition) has \(record.value) out of order") }
                last = number
            }
        }
        for fed in feeder.records where fed.fate == .acknowledged && !fed.isGone {
            let count = seen[Feeder.name(fed.topic, fed.key, fed.value)] ?? 0
            if count != 1 {
                complain("\(fed.topic)-\(fed.partition) has \(fed.value) \(count) times; it was acknowledged")
            }
        }
    }
}
