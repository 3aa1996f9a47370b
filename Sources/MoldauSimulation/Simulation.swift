// One seed, one run. Stream threads, a broker, a disk and the feeders of records take turns on the calling thread, as
// the seed determines; faults occur between their steps and in the middle of them. Then everything is healed, and the
// result must be as if there had been no faults.
//
//     chaos     steps and faults; from time to time a reader looks for records that it must not see
//     healing   no more faults: all input is processed
//     checks    input, output and state are compared; again after a crash, and after a clean restart

import MoldauBroker
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// The result of a run.
package struct SimulationResult: Sendable {
    package let seed: UInt64
    package let scenario: String
    /// The same in any two runs of a seed.
    package private(set) var hash: UInt64
    /// The violations of guarantees; empty if there are none.
    package private(set) var violations: [String]
    /// The last events, if they were requested.
    package private(set) var trace: [String]
    package let recordCount: Int
    package let diskOperations: Int
    package let crashes: Int
}

extension SimulationResult {
    fileprivate init(seed: UInt64, scenario: String) {
        (self.seed, self.scenario) = (seed, scenario)
        (hash, violations, trace) = (0, [], [])
        (recordCount, diskOperations, crashes) = (0, 0, 0)
    }

    /// Adds the violations that the run's external clients found.
    fileprivate mutating func add(_ found: [String], _ trace: SimulationTrace) {
        hash ^= trace.hash
        violations += found
        self.trace += trace.lines
    }
}

/// A whole application with its cluster and its disk, driven by one seed.
package final class Simulation {
    let seed: UInt64
    let scenario: Scenario
    let chance: Chance
    /// Decides when threads are added and removed: a separate generator, so that it changes nothing else.
    private let handOvers: Chance
    let clock: SimulatedClock
    let trace: SimulationTrace
    let mistake: PlantedMistake?
    var disk: SimulatedDisk
    let memory: StateMemory
    var state: any MachineState
    let feeder: Feeder
    var topology: Topology
    var forms: FormHistory
    /// The form of the topology for the next process.
    var nextForm: TopologyForm
    /// Whether the topic of the global table is recreated before anything else.
    var makesTopicAgain = false
    var process: SimulatedProcess?
    let executor = SimulatedExecutor()
    /// Asynchronous closures do not end before this time.
    var slowUntil = Timestamp.none

    var violations: [String] = []
    var crashes = 0
    var isFullUntilStep = -1
    var promises: DurabilityPromises
    /// Queries the stores all the time. It decides with its own generator, so that it changes nothing else.
    var queries: QueryHistory

    /// The name of the application in the list of features to leave out: then only external clients run.
    private static let application = "application"

    /// Runs a seed to its end.
    /// - Parameters:
    ///   - mistake: the bug to insert.
    ///   - keepsTrace: whether the result contains the last events.
    ///   - isReal: puts the state into RocksDB and the files into the operating system's; otherwise only some of the
    ///     seeds do that.
    ///   - without: the names of faults and workloads to leave out; `retention` leaves out that of changelogs,
    ///     `strangers` the external producers, `members` the external members of groups, `application` everything
    ///     except those.
    package static func run(
        seed: UInt64, mistake: PlantedMistake? = nil, keepsTrace: Bool = false, isReal: Bool = false,
        without: Set<String> = []
    ) throws -> SimulationResult {
        var result = SimulationResult(seed: seed, scenario: Strangers.name)
        if !without.contains(application) {
            let simulation = try Simulation(
                seed: seed, mistake: mistake, keepsTrace: keepsTrace, isReal: isReal, without: without)
            simulation.run()
            result = simulation.result
        }
        if !without.contains(Strangers.name) {
            let trace = SimulationTrace(keepsLines: keepsTrace)
            result.add(Strangers(seed: seed, mistake: mistake, trace).run(), trace)
        }
        if !without.contains(StrangeGroup.name) {
            let trace = SimulationTrace(keepsLines: keepsTrace)
            result.add(StrangeGroup(seed: seed, mistake: mistake, trace).run(), trace)
        }
        return result
    }

    private init(seed: UInt64, mistake: PlantedMistake?, keepsTrace: Bool, isReal: Bool, without: Set<String>) throws {
        self.seed = seed
        self.mistake = mistake
        chance = Chance(seed: seed)
        handOvers = Chance(seed: ~seed)
        trace = SimulationTrace(keepsLines: keepsTrace)
        scenario = Scenario(
            chance, handOvers: handOvers, others: Chance(seed: seed ^ 0x5deece66d), isReal: isReal,
            without: without)
        clock = SimulatedClock(startMs: scenario.clockStartMs, mistake: mistake)
        let isRocksDB = scenario.statePlace == .real
        memory = StateMemory(budgetBytes: isRocksDB ? 64 << 20 : 1 << 20)
        disk = SimulatedDisk(
            sectorBytes: scenario.sectorBytes, chance: chance, trace: trace, mistake: mistake,
            real: scenario.filePlace == .real ? RealFiles(named: "files") : nil)
        state =
            isRocksDB
            ? RocksDBState(memory: memory)
            : SimulatedState(memory: memory, disk: disk, chance: chance, trace: trace, mistake: mistake)
        feeder = Feeder(scenario, chance: chance, trace: trace, clock: clock)
        nextForm = scenario.form
        forms = FormHistory(scenario.form)
        topology = try scenario.workload.topology(scenario.options, scenario.form)
        promises = DurabilityPromises(scenario.durability, now: clock.passed, isLate: mistake == .intervalSyncLate)
        queries = QueryHistory(Chance(seed: seed ^ 0x3f84_d5b5_b547_0917), disk, clock, trace)
    }

    private var result: SimulationResult {
        SimulationResult(
            seed: seed, scenario: scenario.description, hash: trace.hash, violations: violations + feeder.violations,
            trace: trace.lines, recordCount: feeder.records.count, diskOperations: disk.operationCount,
            crashes: crashes)
    }

    func run() {
        for step in 0..<scenario.steps where violations.isEmpty { takeStep(step) }
        if violations.isEmpty { heal() }
        if violations.isEmpty { check() }
        process?.bury()
        executor.run()
    }

    func complain(_ text: String) {
        trace.note("violation", text)
        violations.append(text)
    }

    // MARK: Chaos

    func takeStep(_ step: Int) {
        clock.advance(ms: chance.within(1...5))
        if step == isFullUntilStep { disk.setSpace(nil) }
        guard let process = started() else { return }
        keepPromises(process)
        guard self.process != nil else { return }
        attempt {
            switch chance.below(100) {
            case 0..<60: try stepThread(chance.pick(process.numbers), process)
            case 60..<78: try feed(process)
            case 78..<90: clock.advance(ms: chance.below(60))
            case 90..<94: try lookAfter(process)
            case 94..<97: try readOutput(process)
            default: break
            }
        }
        if let steps = scenario.stepsPerHandOver, handOvers.oneIn(steps) { handOver(process) }
        if chance.oneIn(scenario.stepsPerFault), let fault = scenario.faults.randomElement(using: chance) {
            inject(fault, step)
        }
    }

    func handOver(_ process: SimulatedProcess) {
        let adds = handOvers.oneIn(2)
        trace.note(adds ? "adds a thread" : "removes a thread")
        if adds { process.addThread() } else { process.removeThread() }
    }

    /// Runs the syncs that `.interval` promises, when they are due.
    func keepPromises(_ process: SimulatedProcess) {
        attempt {
            for job in promises.due(now: clock.passed) { try process.broker.run(job) }
            promises.looked(now: clock.passed)
        }
    }

    func stepThread(_ number: Int, _ process: SimulatedProcess) throws {
        if clock.passed >= slowUntil { executor.run() }
        let before = process.seenThread(number)
        queries.ask(process)
        let halfCommitted = process.halfCommitted
        let count: Int
        do { count = try process.step(number, now: clock.round) } catch {
            queries.stepFailed(after: halfCommitted)
            if case StateError.noSpace = error { complain("a thread ended instead of waiting: \(error)") }
            throw error
        }
        trace.note("step", "", number, count)
        try checkCommitted(process)
        for complaint in process.commitsWithoutResults(of: number) { complain(complaint) }
        // A commit that does not fit on the disk may be half done.
        if disk.isFull { process.halfCommitted.insert(number) }
        for complaint in try queries.check(process) { complain(complaint) }
        if disk.isFull { return process.forgetSeen(number) }
        if before?.commits != process.seenThread(number)?.commits { process.halfCommitted.remove(number) }
        for complaint in try process.lookAsQuery(at: number, since: before) { complain(complaint) }
    }

    func lookAfter(_ process: SimulatedProcess) throws {
        try process.broker.abortExpired()
        try process.broker.applyRetention()
        queries.hasCompacted = true
        guard scenario.checksCompaction else { return try process.broker.compact() }
        for complaint in try CompactionCheck(broker: process.broker, disk: disk).compact() { complain(complaint) }
    }

    /// Runs something that may fail because of a fault; without a fault, an error is a violation.
    func attempt(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            trace.note("failed", "\(error)")
            if disk.isOff { return crash() }
            if disk.hasFailedSync { return crash(.process) }
            if !disk.isFull { complain("failed without a cause: \(error)") }
        }
    }

    /// Feeds some records. A feeder whose transaction timed out, or that was fenced, restarts.
    func feed(_ process: SimulatedProcess) throws {
        do {
            try feeder.feed(process.cluster)
        } catch ClusterError.producerFenced {
            trace.note("feeder fenced")
        }
    }

    func started() -> SimulatedProcess? {
        if process != nil { return process }
        attempt {
            if nextForm != forms.current { topology = try scenario.workload.topology(scenario.options, nextForm) }
            // On a full disk the topic would be deleted, but could not be recreated.
            makesTopicAgain = makesTopicAgain && !disk.isFull
            let started = try SimulatedProcess(
                scenario, topology, disk: disk, state: state, memory: memory, clock: clock, chance: chance,
                executor: executor, makesAgain: makesTopicAgain ? Workload.globalTopic : nil, mistake: mistake)
            if makesTopicAgain { madeTopicAgain() }
            process = started
            trace.note("started")
            for complaint in try queries.began(started) { complain(complaint) }
            changeForm(started)
        }
        return process
    }

    // MARK: What must hold at any time

    func checkCommitted(_ process: SimulatedProcess) throws {
        let offsets = process.broker.committedOffsets(of: Workload.applicationID)
        for complaint in promises.note(offsets, now: clock.passed) { complain(complaint) }
    }

    /// Looks for aborted records, like any reader of committed records.
    func readOutput(_ process: SimulatedProcess) throws {
        for topic in scenario.workload.inputs {
            for record in try process.records(of: topic) { checkFate(record, topic) }
        }
        for record in try process.records(of: scenario.workload.output) {
            for (topic, source) in scenario.workload.sources(of: record) { checkFate(source, topic) }
        }
    }

    func checkFate(_ record: ReadRecord, _ topic: String) {
        guard let number = feeder.index[Feeder.name(topic, record.key, record.value)] else {
            return complain("\(topic)-\(record.partition) has \(record.key)=\(record.value), which nobody wrote")
        }
        if feeder.records[number].fate == .aborted {
            complain("a reader of \(topic)-\(record.partition) sees \(record.value), which was aborted")
        }
    }
}

extension Array {
    fileprivate func randomElement(using chance: Chance) -> Element? { isEmpty ? nil : chance.pick(self) }
}
