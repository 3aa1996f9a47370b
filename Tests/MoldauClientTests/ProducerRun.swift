import MoldauRecords
import MoldauWire

@testable import MoldauClient

/// A producer and brokers that lose requests and answers, and move leaders, all from a seed.
struct ProducerRun {
    enum Event {
        case append
        case look
        case arrive(connection: Int, number: Int, ProduceRequest, node: Int32)
        case answer(connection: Int, number: Int, Result<ProduceResponse, ClientError>)
        case identified
    }

    var machine: ProducerMachine
    var map: ClusterMap
    var generator: SeededGenerator
    var now = Duration.zero
    var brokers: FakeBrokers
    private var events: [(time: Duration, order: Int, event: Event)] = []
    private var count = 0
    private var nextLook: Duration?
    private var connections: [Int32: Int] = [:]
    private var nextConnection = 1
    private var outstanding: [Int: (connection: Int, node: Int32)] = [:]
    /// The last time at which something arrives or returns on a connection: nothing overtakes within one.
    private var lastArrival: [Int: Duration] = [:]
    private var lastReturn: [Int: Duration] = [:]
    private(set) var acknowledgements: [(value: Int, Acknowledgement)] = []
    private(set) var outcomes: [ObjectIdentifier: Result<BatchOutcome.Place, ClientError>] = [:]
    private(set) var splits: [ObjectIdentifier: [BatchOutcome.Part]] = [:]
    let recordCount: Int
    /// The largest batch that brokers accept; and, if not nil, the period for which that limit holds, alternating with
    /// periods of the same length without a limit.
    private let maxBatchBytes: Int
    private let limitPeriod: Duration?
    /// From this time on there are no faults.
    let calm: Duration

    init(
        seed: UInt64, records: Int, options: ProducerOptions, refusesSome: Bool = false, maxBatchBytes: Int = .max,
        limitPeriod: Duration? = nil
    ) {
        let calm = Duration.seconds(20)
        let client = ClientOptions(bootstrapServers: [BrokerAddress(host: "b", port: 1)])
        machine = ProducerMachine(options, client)
        map = ClusterMap(client)
        generator = SeededGenerator(seed: seed)
        brokers = FakeBrokers(partitions: 3)
        brokers.refusesSome = refusesSome
        (self.maxBatchBytes, self.limitPeriod) = (maxBatchBytes, limitPeriod)
        recordCount = records
        self.calm = calm
        let topic = machine.addTopic(.roundRobin())
        machine.setPartitions(3, of: topic, named: "t")
        learn()
    }

    private mutating func learn() { map.answered(brokers.metadata, now, chance: 0.5) }

    private mutating func happens(oneIn n: Int) -> Bool { now < calm && Int.random(in: 0..<n, using: &generator) == 0 }

    private mutating func latency() -> Duration { .microseconds(Int.random(in: 100...5_000, using: &generator)) }

    private mutating func plan(_ time: Duration, _ event: Event) {
        count += 1
        events.append((time, count, event))
    }

    /// Runs until no events are left.
    mutating func run() {
        plan(.zero, .append)
        while let next = events.indices.min(by: {
            (events[$0].time, events[$0].order) < (events[$1].time, events[$1].order)
        }) {
            let (time, _, event) = events.remove(at: next)
            now = max(now, time)
            handle(event)
        }
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .append: append()
        case .look: look()
        case .identified:
            machine.gotProducer(
                .success(
                    InitProducerIdResponse {
                        $0.producerID = 7
                        $0.producerEpoch = 0
                    }), now, chance: 0.5)
            look()
        case .arrive(let connection, let number, let request, let node):
            if happens(oneIn: 40) { brokers.moveLeader(&generator) }
            let isLimited = limitPeriod.map { Int64(now / $0) % 2 == 0 } ?? true
            brokers.maxBatchBytes = isLimited ? maxBatchBytes : .max
            let response = brokers.append(
                request, at: node, refuses: happens(oneIn: 50), movesLeaders: happens(oneIn: 50))
            guard outstanding[number]?.connection == connection else { return }
            if happens(oneIn: 25) { return cut(node) }
            let time = max(now + latency(), lastReturn[connection] ?? .zero)
            lastReturn[connection] = time
            plan(time, .answer(connection: connection, number: number, .success(response)))
        case .answer(let connection, let number, let result):
            guard outstanding[number]?.connection == connection else { return }
            outstanding[number] = nil
            perform(machine.answered(number, result, now, chance: 0.5))
            look()
        }
    }

    private mutating func append() {
        let value = acknowledgements.count
        guard value < recordCount else { return }
        let bytes = withUnsafeBytes(of: Int64(value)) { Array($0) }
        let appended = bytes.withUnsafeBytes { bytes in
            machine.append(
                to: 0, partition: nil, RecordBytes(key: nil, value: bytes), timestamp: Timestamp(ms: 1),
                headers: Headers(),
                now: { [now] in now })
        }
        var pause = Duration.microseconds(Int.random(in: 0...2_000, using: &generator))
        switch appended {
        case .buffered(let acknowledgement, let isDue):
            acknowledgements.append((value, acknowledgement))
            if isDue { look() }
        case .full:
            look()
            pause = .milliseconds(5)
        case .refused(let error): fatalError("\(error)")
        }
        plan(now + pause, .append)
    }

    private mutating func look() {
        let (actions, due) = machine.next(now, map)
        perform(actions)
        guard let due, nextLook.map({ due < $0 || $0 <= now }) ?? true else { return }
        nextLook = max(due, now + .microseconds(1))
        plan(max(due, now + .microseconds(1)), .look)
    }

    private mutating func perform(_ actions: [ProducerMachine.Action]) {
        for action in actions {
            switch action {
            case .produce(let node, let number, let request): send(request, number, node)
            case .initProducer: plan(now + latency(), .identified)
            case .addPartitions, .abort: break
            case .refresh:
                learn()
                plan(now + .milliseconds(10), .look)
            case .split(let outcome, let parts): splits[ObjectIdentifier(outcome)] = parts
            case .complete(let outcome, let result):
                outcomes[ObjectIdentifier(outcome)] = result
            }
        }
    }

    /// A record's outcome: that of its batch, and the record's index in it.
    func outcome(of acknowledgement: Acknowledgement) -> (Result<BatchOutcome.Place, ClientError>?, index: Int) {
        var (outcome, index) = (acknowledgement.outcome, acknowledgement.index)
        while let part = splits[ObjectIdentifier(outcome)]?.last(where: { $0.first <= index }) {
            (outcome, index) = (part.outcome, index - part.first)
        }
        return (outcomes[ObjectIdentifier(outcome)], index)
    }

    private mutating func send(_ request: ProduceRequest, _ number: Int, _ node: Int32) {
        let connection = connections[node] ?? nextConnection
        if connections[node] == nil {
            connections[node] = connection
            nextConnection += 1
        }
        outstanding[number] = (connection, node)
        let time = max(now + latency(), lastArrival[connection] ?? .zero)
        lastArrival[connection] = time
        // A lost request ends its connection; it may still arrive long after that.
        if happens(oneIn: 25) { return cut(node) }
        plan(time, .arrive(connection: connection, number: number, request, node: node))
    }

    /// The connection ends: requests on their way may still arrive, answers do not.
    private mutating func cut(_ node: Int32) {
        guard let connection = connections.removeValue(forKey: node) else { return }
        let lost = outstanding.filter { $0.value.connection == connection }.keys.sorted()
        for number in lost {
            outstanding[number] = (-1, node)
            let error = ClientError.disconnected(BrokerAddress(host: "b", port: Int(node)), reason: "cut")
            plan(now + .microseconds(50), .answer(connection: -1, number: number, .failure(error)))
        }
    }
}
