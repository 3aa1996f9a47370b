// One seed, one run. Stream threads, a broker, a disk and those who feed records take turns on the calling thread, as
// the seed says; faults come between and within their steps. Then everything is healed, and has to end as if nothing
// had happened.
//
//     chaos     steps and faults; at times a reader looks for what it must not see
//     healing   no more faults: all that was fed is processed
//     checks    input, output and state against each other; again after a crash, and after a clean restart

import MoldauBroker
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// What came of a run.
package struct SimulationResult: Sendable {
    package let seed: UInt64
    package let scenario: String
    /// Two runs of one seed have the same.
    package let hash: UInt64
    /// What must not have happened; empty where all is well.
    package let violations: [String]
    /// The last things that happened, where they were asked for.
    package let trace: [String]
    package let recordCount: Int
    package let diskOperations: Int
    package let crashes: Int
}

/// A whole application with its cluster and its disk, driven by one seed.
package final class Simulation {
    private let seed: UInt64
    private let scenario: Scenario
    private let chance: Chance
    /// Decides when threads come and go: apart, so that this changes nothing else.
    private let handOvers: Chance
    private let clock = SimulatedClock(startMs: 10_000_000)
    private let trace: SimulationTrace
    private let mistake: PlantedMistake?
    private let disk: SimulatedDisk
    private let memory = StateMemory(budgetBytes: 1 << 20)
    private var state: SimulatedState
    private let feeder: Feeder
    private let topology: Topology
    private var process: SimulatedProcess?

    private var violations: [String] = []
    private var crashes = 0
    private var isFullUntilStep = -1
    private var promises: DurabilityPromises

    /// Runs a seed to its end.
    /// - Parameters:
    ///   - mistake: what is done wrong on purpose.
    ///   - keepsTrace: whether the result says what happened last.
    package static func run(
        seed: UInt64, mistake: PlantedMistake? = nil, keepsTrace: Bool = false
    ) throws -> SimulationResult {
        let simulation = try Simulation(seed: seed, mistake: mistake, keepsTrace: keepsTrace)
        simulation.run()
        return simulation.result
    }

    private init(seed: UInt64, mistake: PlantedMistake?, keepsTrace: Bool) throws {
        self.seed = seed
        self.mistake = mistake
        chance = Chance(seed: seed)
        handOvers = Chance(seed: ~seed)
        trace = SimulationTrace(keepsLines: keepsTrace)
        scenario = Scenario(chance, handOvers: handOvers)
        disk = SimulatedDisk(sectorBytes: scenario.sectorBytes, chance: chance, trace: trace, mistake: mistake)
        state = SimulatedState(memory: memory, disk: disk, chance: chance, trace: trace, mistake: mistake)
        feeder = Feeder(scenario, chance: chance, trace: trace, clock: clock)
        topology = try scenario.workload.topology(scenario.options)
        promises = DurabilityPromises(scenario.durability, now: clock.now, isLate: mistake == .intervalSyncLate)
    }

    private var result: SimulationResult {
        SimulationResult(
            seed: seed, scenario: scenario.description, hash: trace.hash, violations: violations + feeder.violations,
            trace: trace.lines, recordCount: feeder.records.count, diskOperations: disk.operationCount,
            crashes: crashes)
    }

    private func run() {
        for step in 0..<scenario.steps where violations.isEmpty { takeStep(step) }
        if violations.isEmpty { heal() }
        if violations.isEmpty { check() }
        process?.bury()
    }

    private func complain(_ text: String) {
        trace.note("violation", text)
        violations.append(text)
    }

    // MARK: Chaos

    private func takeStep(_ step: Int) {
        clock.advance(ms: chance.within(1...5))
        if step == isFullUntilStep { disk.setSpace(nil) }
        guard let process = started() else { return }
        keepPromises(process)
        guard self.process != nil else { return }
        attempt {
            switch chance.below(100) {
            case 0..<60: try stepThread(chance.pick(process.numbers), process)
            case 60..<78: try feeder.feed(process.cluster)
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

    private func handOver(_ process: SimulatedProcess) {
        let adds = handOvers.oneIn(2)
        trace.note(adds ? "adds a thread" : "removes a thread")
        if adds { process.addThread() } else { process.removeThread() }
    }

    /// Does the syncs that `.interval` promises, when they are due.
    private func keepPromises(_ process: SimulatedProcess) {
        attempt {
            for job in promises.due(now: clock.now) { try process.broker.run(job) }
            promises.looked(now: clock.now)
        }
    }

    private func stepThread(_ number: Int, _ process: SimulatedProcess) throws {
        let count = try process.step(number, now: clock.round)
        trace.note("step", "", number, count)
        try checkCommitted(process)
    }

    private func lookAfter(_ process: SimulatedProcess) throws {
        try process.broker.abortExpired()
        try process.broker.applyRetention()
        try process.broker.compact()
    }

    /// Runs what may fail because of a fault; without one, a failure is a violation.
    private func attempt(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            trace.note("failed", "\(error)")
            if disk.isOff { return crash() }
            if disk.hasFailedSync { return crash(.process) }
            if !isExcused(error) { complain("failed without a cause: \(error)") }
        }
    }

    private func isExcused(_ error: any Error) -> Bool {
        if disk.isFull { return true }
        if case ClusterError.producerFenced = error { return true }
        return false
    }

    private func started() -> SimulatedProcess? {
        if process == nil {
            attempt {
                process = try SimulatedProcess(
                    scenario, topology, disk: disk, state: state, memory: memory, clock: clock, chance: chance,
                    mistake: mistake)
                trace.note("started")
            }
        }
        return process
    }

    private func inject(_ fault: Scenario.Fault, _ step: Int) {
        trace.note("fault", fault.rawValue)
        switch fault {
        case .powerLoss: disk.cut(.power, after: chance.below(60))
        case .processDeath: disk.cut(.process, after: chance.below(60))
        case .cleanRestart: restart()
        case .threadDeath: if let process { process.drop(chance.pick(process.numbers)) }
        case .pause: if let process { process.pausedTurns[chance.pick(process.numbers)] = chance.within(1...60) }
        case .failedSync: disk.failSync(after: chance.within(1...10))
        case .fullDisk:
            disk.setSpace(chance.below(3_000))
            isFullUntilStep = step + chance.within(1...20)
        case .longWait: clock.advance(ms: chance.within(1_000...40_000))
        }
        if disk.isOff { crash() }
    }

    private func crash(_ kind: SimulatedDisk.Outage? = nil) {
        if let kind { disk.cut(kind, after: 0) }
        trace.note("crash", disk.outage == .power ? "power" : "process")
        if disk.outage == .power || disk.hasFailedSync, let kept = promises.lose() { feeder.lose(after: kept) }
        crashes += 1
        state.crash()
        feeder.disconnect()
        process?.bury()
        process = nil
        disk.turnOn()
    }

    private func restart() {
        guard let process else { return }
        attempt {
            feeder.disconnect()
            try process.stopThreads(now: clock.round)
            try process.broker.close()
            self.process = nil
            trace.note("stopped")
        }
        // A stop that failed left nothing in order.
        if self.process != nil { crash(.process) }
    }

    // MARK: What must hold at any time

    private func checkCommitted(_ process: SimulatedProcess) throws {
        let offsets = process.broker.committedOffsets(of: Workload.applicationID)
        for complaint in promises.note(offsets, now: clock.now) { complain(complaint) }
    }

    /// Looks, as any reader of committed records, for what was aborted.
    private func readOutput(_ process: SimulatedProcess) throws {
        for topic in scenario.workload.inputs {
            for record in try process.records(of: topic) { checkFate(record, topic) }
        }
        for record in try process.records(of: scenario.workload.output) {
            switch scenario.workload {
            case .passThrough: checkFate(record, scenario.workload.inputs[0])
            case .join:
                checkFate(record.with(value: record.parts.order), scenario.workload.inputs[0])
                if record.parts.row != "-" {
                    checkFate(record.with(value: record.parts.row), scenario.workload.inputs[1])
                }
            default: break
            }
        }
    }

    private func checkFate(_ record: ReadRecord, _ topic: String) {
        guard let number = feeder.index[Feeder.name(topic, record.key, record.value)] else {
            return complain("\(topic)-\(record.partition) has \(record.key)=\(record.value), which nobody wrote")
        }
        if feeder.records[number].fate == .aborted {
            complain("a reader of \(topic)-\(record.partition) sees \(record.value), which was aborted")
        }
    }

    // MARK: Healing

    private func heal() {
        if disk.hasFailedSync || process == nil || chance.oneIn(2) {
            crash(disk.outage ?? .process)
        } else {
            disk.clearFaults()
        }
        // Twice: windows that close are looked for once a second.
        for _ in 0..<2 where violations.isEmpty {
            clock.advance(ms: 2 * Scenario.transactionTimeoutMs)
            if let process = started() {
                attempt { try process.broker.abortExpired() }
                attempt { try feeder.finish(process.cluster) }
            }
            drain()
        }
    }

    private func drain() {
        var left: [String] = ["nothing started"]
        for round in 0..<2_000 where violations.isEmpty {
            guard let process = started() else { continue }
            clock.advance(ms: 20)
            keepPromises(process)
            attempt {
                process.pausedTurns = [:]
                for number in process.numbers { try stepThread(number, process) }
                if round % 10 == 9 {
                    left = try process.isAtRest() ? process.undrained() : ["not all threads run"]
                }
            }
            if left.isEmpty { return }
        }
        if violations.isEmpty { complain("it does not come to rest: \(left.joined(separator: "; "))") }
    }

    // MARK: Checks

    private func check() {
        attempt { try checkAll() }
    }

    private func checkAll() throws {
        guard let process else { return }
        try process.stopThreads(now: clock.round)
        let (before, images) = (try contents(process), heldImages(process))
        try checkInput(process)
        try readOutput(process)
        if !promises.wereUsed {
            let inputs = try Dictionary(
                uniqueKeysWithValues: scenario.workload.inputs.map { ($0, try process.records(of: $0)) })
            for complaint in scenario.workload.complaints(
                inputs: inputs, outputs: try process.records(of: scenario.workload.output),
                isExact: scenario.guarantee == .exactlyOnce)
            { complain(complaint) }
        }
        if !violations.isEmpty { try describe(process) }
        if !promises.wereUsed { checkRestored(process) }
        for isCrash in [true, false] where violations.isEmpty {
            attempt { try self.process?.broker.syncNow() }
            if isCrash { crash(.power) } else { restart() }
            drain()
            guard let process = self.process else { continue }
            try process.stopThreads(now: clock.round)
            compare(try contents(process), before, isCrash ? "a crash" : "a clean restart")
            compare(heldImages(process), images)
        }
        if violations.isEmpty { try checkRot() }
    }

    private func checkRot() throws {
        guard let process else { return }
        try process.broker.close()
        self.process = nil
        let check = BitRotCheck(disk: disk, clock: clock, chance: chance, trace: trace, mistake: mistake)
        for complaint in check.complaints() { complain(complaint) }
    }

    /// Puts what was read and written into the trace.
    private func describe(_ process: SimulatedProcess) throws {
        for topic in scenario.workload.inputs + [scenario.workload.output] {
            for record in try process.records(of: topic) { trace.note("holds", "\(topic) \(record)") }
        }
    }

    /// What a reader finds in the topics, but for the broker's own.
    private func contents(_ process: SimulatedProcess) throws -> [String: [ReadRecord]] {
        var contents: [String: [ReadRecord]] = [:]
        for topic in process.broker.topics() where !topic.name.hasPrefix("__") {
            contents[topic.name] = try process.records(of: topic.name)
        }
        return contents
    }

    private func compare(_ now: [String: [ReadRecord]], _ before: [String: [ReadRecord]], _ event: String) {
        for (topic, records) in before.sorted(by: { $0.key < $1.key }) where now[topic] != records {
            let held = Set(now[topic] ?? [])
            let (lost, new) = (records.filter { !held.contains($0) }, held.subtracting(records))
            let brought = new.sorted { ($0.partition, $0.offset) < ($1.partition, $1.offset) }
            // That records were purged is no promise.
            if lost.isEmpty && topic.hasSuffix("-repartition") { continue }
            complain("\(event) took \(lost.prefix(3)) from \(topic), and brought \(brought.prefix(3))")
        }
    }

    private func checkInput(_ process: SimulatedProcess) throws {
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
        for fed in feeder.records where fed.fate == .acknowledged {
            let count = seen[Feeder.name(fed.topic, fed.key, fed.value)] ?? 0
            if count != 1 {
                complain("\(fed.topic)-\(fed.partition) has \(fed.value) \(count) times; it was acknowledged")
            }
        }
    }

    /// Stores that are made anew of their changelogs hold what those on disk hold.
    private func checkRestored(_ process: SimulatedProcess) {
        let kept = state
        defer { state = kept }
        state = SimulatedState(memory: memory, disk: disk, chance: chance, trace: trace, mistake: nil)
        do {
            let thread = try StreamThread(process.plan(on: state), now: clock.round)
            for _ in 0..<500 where thread.phase == .restoring { try thread.runOnce(now: clock.round, wait: .zero) }
            try thread.stop(now: clock.round)
        } catch {
            return complain("restoring failed: \(error)")
        }
        let restored = state.images
        for (task, directory, isCopy) in process.directories {
            for (store, made) in restored where store.hasPrefix("\(task)/") {
                let image = kept.images[directory + store.dropFirst("\(task)".count)] ?? SimulatedState.Image()
                // What is made anew has dropped nothing that a store in use still holds.
                let isRight =
                    Self.isWindowed(store)
                    ? image.entries.allSatisfy { made.entries[$0.key] == $0.value } : image == made
                if isRight { continue }
                complain(
                    "\(isCopy ? "the copy of " : "")\(store) holds \(image.entries.count) entries, "
                        + "its changelog makes \(made.entries.count)")
            }
        }
    }

    private static func isWindowed(_ store: String) -> Bool {
        store.hasSuffix("/windows") || store.hasSuffix("/sessions")
    }

    /// Windows that are over go when a store gets to it: one may hold what another holds no more.
    private static func isSame(_ store: String, _ left: SimulatedState.Image, _ right: SimulatedState.Image) -> Bool {
        guard isWindowed(store) else { return left == right }
        return left.entries.allSatisfy { (right.entries[$0.key] ?? $0.value) == $0.value }
    }

    private func compare(_ now: [String: SimulatedState.Image], _ before: [String: SimulatedState.Image]) {
        for (store, image) in before.sorted(by: { $0.key < $1.key }) {
            let held = now[store] ?? SimulatedState.Image()
            if !Self.isSame(store, held, image) { complain("a restart changed what \(store) holds") }
        }
    }

    /// What the stores of tasks hold, wherever they lie; without copies.
    private func heldImages(_ process: SimulatedProcess) -> [String: SimulatedState.Image] {
        var images: [String: SimulatedState.Image] = [:]
        for (task, directory, isCopy) in process.directories where !isCopy {
            for (store, image) in state.images where store.hasPrefix("\(directory)/") {
                images["\(task)" + store.dropFirst(directory.count)] = image
            }
        }
        return images
    }
}

extension Array {
    fileprivate func randomElement(using chance: Chance) -> Element? { isEmpty ? nil : chance.pick(self) }
}
