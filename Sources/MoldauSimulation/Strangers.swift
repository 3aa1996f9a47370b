// External clients: they use the broker by the calls that a server makes for them, and act like clients on a network.
// Several have the same transactional id and do not know of each other; answers are lost, and requests retried; the
// broker crashes between a decision and its markers, but its clients do not.

import MoldauBroker
import MoldauLog
import MoldauRecords

/// One run of external clients.
final class Strangers: StrangeClients {
    /// The name of external clients in the list of features to leave out.
    static let name = "strangers"
    static let timeoutMs = 2_000
    /// The partition in which the groups of the transactional ids have positions.
    static let position = TopicPartition("position", 0)

    let partitions: [TopicPartition]
    var ledger = StrangerLedger()
    private let world: StrangeBroker
    private let stepsPerFault: Int
    private var sessions: [StrangerSession] = []
    private var plain: [PlainStranger] = []

    var chance: Chance { world.chance }
    var trace: SimulationTrace { world.trace }
    var clock: SimulatedClock { world.clock }

    init(seed: UInt64, mistake: PlantedMistake?, _ trace: SimulationTrace) {
        let chance = Chance(seed: seed ^ 0x9e37_79b9_7f4a_7c15)
        let (sectorBytes, segmentBytes) = (chance.pick([512, 4_096]), chance.pick([600, 4_000, 64_000]))
        stepsPerFault = chance.within(20...120)
        partitions = (0..<Int32(chance.within(2...3))).map { TopicPartition("strange", $0) }
        world = StrangeBroker(
            chance, trace, mistake: mistake, sectorBytes: sectorBytes, segmentBytes: segmentBytes,
            topics: [("strange", Int32(partitions.count))])
        let ids = chance.within(1...2)
        sessions = (0..<chance.within(2...4)).map { StrangerSession($0, id: "id\($0 % ids)", self) }
        plain = (0..<chance.within(0...2)).map { PlainStranger($0, self) }
        world.clients = self
    }

    /// Runs to the end.
    /// - Returns: the violations found.
    func run() -> [String] {
        for _ in 0..<chance.within(100...400) where ledger.violations.isEmpty { takeStep() }
        if ledger.violations.isEmpty { finish() }
        world.stop()
        (sessions, plain) = ([], [])
        return ledger.violations.map { "strangers: \($0)" }
    }

    private func takeStep() {
        clock.advance(ms: chance.within(1...20))
        world.attempt {
            let broker = try world.started()
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
        if chance.oneIn(stepsPerFault) { world.inject() }
    }

    func complain(_ text: String) { ledger.complain(text) }

    func disconnected() {
        for session in sessions { session.disconnect() }
        for stranger in plain { stranger.disconnect() }
    }

    func restarted(_ broker: Broker<SimulatedDisk>) { ledger.restarted(at: clock.passed) }

    private func lookAfter(_ broker: Broker<SimulatedDisk>) throws {
        try broker.abortExpired()
        ledger.expired(after: .milliseconds(Self.timeoutMs), now: clock.passed)
        if chance.oneIn(3) { try broker.compact() }
    }

    private func look(_ broker: Broker<SimulatedDisk>) throws {
        for name in partitions { ledger.checkSeen(try values(of: name, broker), in: name) }
    }

    /// The values that a reader of committed records sees.
    private func values(of name: TopicPartition, _ broker: Broker<SimulatedDisk>) throws -> [String] {
        var records: [ReadRecord] = []
        try broker.read(name, into: &records)
        return records.map(\.value)
    }

    // MARK: The end

    /// Ends all faults: open transactions end, and everything is compared; again after a crash, and after a restart.
    private func finish() {
        world.heal()
        world.attempt {
            let broker = try world.started()
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
            world.sync()
            if isCrash { world.crash(.power) } else { world.restart() }
            if contents() != first { ledger.complain("\(isCrash ? "a crash" : "a restart") changed what is there") }
        }
    }

    private func contents() -> [TopicPartition: [String]] {
        var seen: [TopicPartition: [String]] = [:]
        world.attempt {
            let broker = try world.started()
            for name in partitions { seen[name] = try values(of: name, broker) }
            for id in Set(sessions.map(\.id)).sorted() {
                let position = broker.committedOffsets(of: id)[Self.position].map { Int($0.offset.value) }
                ledger.check(position: position, of: id)
            }
        }
        return seen
    }
}
