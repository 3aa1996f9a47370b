import MoldauBroker
import MoldauLog
import MoldauRecords

/// External clients of a broker, which outlive it.
protocol StrangeClients: AnyObject {
    /// Records a violation.
    func complain(_ text: String)
    /// Called when the broker has ended: its clients get no more answers.
    func disconnected()
    /// Called when a new process has started.
    func restarted(_ broker: Broker<SimulatedDisk>) throws
}

/// A broker of external clients, with its disk and its clock, and the faults that affect them. There is no application:
/// it is independent of the rest of the run, and has its own generator.
final class StrangeBroker {
    let chance: Chance
    let trace: SimulationTrace
    let clock: SimulatedClock
    let disk: SimulatedDisk
    private let topics: [TopicMetadata]
    private let groupSettings: GroupSettings
    private var running: Broker<SimulatedDisk>?
    weak var clients: (any StrangeClients)?

    /// - Parameters:
    ///   - topics: those that exist in addition to the broker's own.
    ///   - segmentBytes: the size of segments of all topics.
    init(
        _ chance: Chance, _ trace: SimulationTrace, mistake: PlantedMistake?, sectorBytes: Int, segmentBytes: Int,
        topics: [(name: String, partitionCount: Int32)], groupSettings: GroupSettings = GroupSettings()
    ) {
        (self.chance, self.trace, self.groupSettings) = (chance, trace, groupSettings)
        clock = SimulatedClock(startMs: 1_800_000_000_000, mistake: mistake)
        disk = SimulatedDisk(sectorBytes: sectorBytes, chance: chance, trace: trace, mistake: mistake)
        let internals = [("__consumer_offsets", 2 as Int32), ("__transaction_state", 2)].map { name, count in
            TopicMetadata(
                name: name, partitionCount: count,
                configuration: ["segment.bytes": String(segmentBytes), "cleanup.policy": "compact"])
        }
        self.topics =
            internals
            + topics.map { name, count in
                TopicMetadata(
                    name: name, partitionCount: count, configuration: ["segment.bytes": String(segmentBytes)])
            }
    }

    /// The broker; starts a new process if none runs.
    func started() throws -> Broker<SimulatedDisk> {
        if let running { return running }
        clock.beginProcess()
        let started = try Broker(
            disk, directory: "data", durability: .sync, clock: { [clock] in clock.now },
            uptime: { [clock] in clock.uptime }, randomness: SeededGenerator(seed: UInt64(chance.below(.max))),
            logger: Scenario.logger, callbacks: .byHand, groupSettings: groupSettings)
        for topic in topics where started.topic(topic.name) == nil { try started.create([topic]) }
        try clients?.restarted(started)
        running = started
        return started
    }

    // MARK: Faults

    func inject() {
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

    /// Ends all faults.
    func heal() {
        disk.clearFaults()
        if disk.isOff || disk.hasFailedSync { crash(.process) }
    }

    /// Runs something that may fail because of a fault; without a fault, an error is a violation.
    func attempt(_ body: () throws -> Void) {
        do {
            try body()
            if disk.isOff { crash() }
        } catch {
            trace.note("strangers' failure", "\(error)")
            if disk.isOff { return crash() }
            if disk.hasFailedSync { return crash(.process) }
            clients?.complain("failed without a cause: \(error)")
        }
        if disk.hasFailedSync { crash(.process) }
    }

    func crash(_ kind: SimulatedDisk.Outage? = nil) {
        if let kind { disk.cut(kind, after: 0) }
        trace.note("strangers' crash")
        stop()
        disk.turnOn()
    }

    func restart() {
        attempt {
            try running?.close()
            stop()
        }
    }

    func stop() {
        running = nil
        clients?.disconnected()
    }

    /// Makes everything that was written durable.
    func sync() { attempt { try running?.syncNow() } }
}
