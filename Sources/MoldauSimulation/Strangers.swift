// Clients from outside: they use the broker by the calls that a server makes for them, and do what clients on a network
// do. Several have the same transactional id and do not know of each other; answers are lost, and requests repeated;
// the broker dies between a decision and its markers, and its clients do not. There is no application: a disk, a broker
// and its strangers, in a world of their own, drawn from a generator of their own.

import MoldauBroker
import MoldauLog
import MoldauRecords

/// One run of strangers.
final class Strangers {
    /// The name of strangers in the list of what runs must not have.
    static let name = "strangers"
    static let timeoutMs = 2_000
    /// What the groups of the transactional ids have positions in.
    static let position = TopicPartition("position", 0)

    let chance: Chance
    let trace: SimulationTrace
    let clock: SimulatedClock
    let partitions: [TopicPartition]
    var ledger = StrangerLedger()
    private let disk: SimulatedDisk
    private let segmentBytes: Int
    private let stepsPerFault: Int
    private var broker: Broker<SimulatedDisk>?
    private var sessions: [StrangerSession] = []
    private var plain: [PlainStranger] = []

    init(seed: UInt64, mistake: PlantedMistake?, _ trace: SimulationTrace) {
        chance = Chance(seed: seed ^ 0x9e37_79b9_7f4a_7c15)
        self.trace = trace
        clock = SimulatedClock(startMs: 1_800_000_000_000, mistake: mistake)
        disk = SimulatedDisk(
            sectorBytes: chance.pick([512, 4_096]), chance: chance, trace: trace, mistake: mistake)
        segmentBytes = chance.pick([600, 4_000, 64_000])
        stepsPerFault = chance.within(20...120)
        partitions = (0..<Int32(chance.within(2...3))).map { TopicPartition("strange", $0) }
        let ids = chance.within(1...2)
        sessions = (0..<chance.within(2...4)).map { StrangerSession($0, id: "id\($0 % ids)", self) }
        plain = (0..<chance.within(0...2)).map { PlainStranger($0, self) }
    }

    /// Runs to the end.
    /// - Returns: what must not have happened.
    func run() -> [String] {
        for _ in 0..<chance.within(100...400) where ledger.violations.isEmpty { takeStep() }
        if ledger.violations.isEmpty { finish() }
        (broker, sessions, plain) = (nil, [], [])
        return ledger.violations.map { "strangers: \($0)" }
    }

    private func takeStep() {
        clock.advance(ms: chance.within(1...20))
        attempt {
            let broker = try started()
            switch chance.below(100) {
            case 0..<66: try chance.pick(sessions).takeTurn(broker)
            case 66..<72: if !plain.isEmpty { try chance.pick(plain).takeTurn(broker) }
            case 72..<90: broker.callbacks.runDue()
            case 90..<93: try lookAfter(broker)
            case 93..<95: try look(broker)
            case 95: chance.pick(sessions).vanish()
            default: clock.advance(ms: chance.within(50...Self.timeoutMs))
            }
        }
        if chance.oneIn(stepsPerFault) { inject() }
    }

    private func inject() {
        trace.note("strangers' fault")
        switch chance.below(6) {
        case 0: disk.cut(.power, after: chance.below(30))
        case 1: crash(.power)
        case 2: disk.cut(.process, after: chance.below(30))
        case 3: crash(.process)
        case 4: disk.failSync(after: chance.within(1...10))
        default: restart()
        }
        if disk.isOff { crash() }
    }

    /// Runs something that may fail because of a fault; without a fault, an error is a violation.
    private func attempt(_ body: () throws -> Void) {
        do {
            try body()
            if disk.isOff { crash() }
        } catch {
            trace.note("strangers' failure", "\(error)")
            if disk.isOff { return crash() }
            if disk.hasFailedSync { return crash(.process) }
            ledger.complain("failed without a cause: \(error)")
        }
        if disk.hasFailedSync { crash(.process) }
    }

    private func crash(_ kind: SimulatedDisk.Outage? = nil) {
        if let kind { disk.cut(kind, after: 0) }
        trace.note("strangers' crash")
        disconnect()
        disk.turnOn()
    }

    private func restart() {
        attempt {
            try broker?.close()
            disconnect()
        }
    }

    private func disconnect() {
        broker = nil
        for session in sessions { session.disconnect() }
        for stranger in plain { stranger.disconnect() }
    }

    private func started() throws -> Broker<SimulatedDisk> {
        if let broker { return broker }
        clock.beginProcess()
        let started = try Broker(
            disk, directory: "data", durability: .sync, clock: { [clock] in clock.now },
            uptime: { [clock] in clock.uptime }, randomness: SeededGenerator(seed: UInt64(chance.below(.max))),
            logger: Scenario.logger, callbacks: .byHand)
        let internals = ["__consumer_offsets", "__transaction_state"]
        for name in internals + ["strange"] where started.topic(name) == nil {
            var settings = ["segment.bytes": String(segmentBytes)]
            if internals.contains(name) { settings["cleanup.policy"] = "compact" }
            let count = name == "strange" ? Int32(partitions.count) : 2
            try started.create([TopicMetadata(name: name, partitionCount: count, configuration: settings)])
        }
        ledger.restarted(at: clock.passed)
        broker = started
        return started
    }

    private func lookAfter(_ broker: Broker<SimulatedDisk>) throws {
        try broker.abortExpired()
        ledger.expired(after: .milliseconds(Self.timeoutMs), now: clock.passed)
        if chance.oneIn(3) { try broker.compact() }
    }

    private func look(_ broker: Broker<SimulatedDisk>) throws {
        for name in partitions { ledger.checkSeen(try values(of: name, broker), in: name) }
    }

    /// What a reader of committed records sees.
    private func values(of name: TopicPartition, _ broker: Broker<SimulatedDisk>) throws -> [String] {
        var records: [ReadRecord] = []
        try broker.read(name, into: &records)
        return records.map(\.value)
    }

    // MARK: The end

    /// No more faults: what is open is ended, and everything is compared; again after a crash, and after a restart.
    private func finish() {
        disk.clearFaults()
        if disk.isOff || disk.hasFailedSync { crash(.process) }
        attempt {
            let broker = try started()
            broker.callbacks.runDue()
            for session in sessions { session.vanish() }
            clock.advance(ms: Self.timeoutMs + 1)
            try broker.abortExpired()
            for name in partitions {
                let partition = try broker.partition(name)
                let (end, stable) = (try partition.endOffset(), try partition.bounds().upperBound)
                if stable < end { ledger.complain("\(name) has undecided records from \(stable) to \(end)") }
            }
        }
        let first = contents()
        ledger.check(first)
        for isCrash in [true, false] where ledger.violations.isEmpty {
            attempt { try broker?.syncNow() }
            if isCrash { crash(.power) } else { restart() }
            if contents() != first { ledger.complain("\(isCrash ? "a crash" : "a restart") changed what is there") }
        }
    }

    private func contents() -> [TopicPartition: [String]] {
        var seen: [TopicPartition: [String]] = [:]
        attempt {
            let broker = try started()
            for name in partitions { seen[name] = try values(of: name, broker) }
            for id in Set(sessions.map(\.id)).sorted() {
                let position = broker.committedOffsets(of: id)[Self.position].map { Int($0.offset.value) }
                ledger.check(position: position, of: id)
            }
        }
        return seen
    }
}
