import Dispatch
import Foundation
import MoldauClient
import MoldauRecords
import MoldauServer
import Synchronization
import Testing

/// The rebalance events of a member, and the values that it has read.
private final class Noted: Sendable {
    private let state = Mutex((events: [Rebalance](), values: [String]()))
    func note(_ event: Rebalance) { state.withLock { $0.events.append(event) } }
    func note(_ values: [String]) { state.withLock { $0.values += values } }
    var events: [Rebalance] { state.withLock { $0.events } }
    var values: [String] { state.withLock { $0.values } }
}

/// Runs a task on a thread of its own, for work that must not take long: the shared threads of tasks are busy with
/// other tests.
private final class OwnThread: TaskExecutor {
    private let queue = DispatchQueue(label: "test")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// How the partitions of a group are assigned to its members.
enum Sharing: Sendable {
    case classic(ConsumerOptions.Assignor)
    /// The broker assigns. Each member sends a heartbeat every 5 seconds.
    case consumer

    fileprivate static let each = [
        classic(.range), classic(.roundRobin), classic(.sticky), classic(.cooperativeSticky), consumer,
    ]
    fileprivate static let protocols = [classic(.range), consumer]

    fileprivate func choose(in options: inout ConsumerOptions) {
        switch self {
        case .classic(let assignor): options.assignors = [assignor]
        case .consumer: options.groupProtocol = .consumer
        }
    }

    /// Whether partitions that stay with a member continue to be read during a rebalance.
    fileprivate var isCooperative: Bool {
        switch self {
        case .classic(let assignor): assignor == .cooperativeSticky
        case .consumer: true
        }
    }
}

@Suite struct GroupTests {
    private func member(
        _ broker: TestBroker, _ noted: Noted, _ sharing: Sharing = .classic(.range), instance: String? = nil
    ) throws -> Consumer<String, String> {
        var options = ConsumerOptions(group: "g")
        options.instanceID = instance
        options.offsetReset = .earliest
        sharing.choose(in: &options)
        options.heartbeatInterval = .milliseconds(100)
        options.sessionTimeout = .seconds(6)
        options.onRebalance = { noted.note($0) }
        return try Consumer([topic], cluster: broker.client, options: options)
    }

    /// Polls until it is cancelled.
    private func poll(_ consumer: Consumer<String, String>, _ noted: Noted) async throws {
        do {
            while true { noted.note(try await consumer.poll(within: .milliseconds(100)).map(\.value)) }
        } catch is CancellationError {
            // The test has seen enough.
        }
    }

    private func wait(_ what: String, until isDone: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(40)
        while !isDone() {
            guard ContinuousClock.now < end else {
                Issue.record("timed out waiting for \(what)")
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test(arguments: Sharing.each)
    func `two members share the partitions, and the remaining one gets all`(sharing: Sharing) async throws {
        try await withBroker(topics: ["t": 4]) { broker in
            try await fill(broker, 0..<100, partitions: 4)
            let (first, second) = (Noted(), Noted())
            let one = try member(broker, first, sharing)
            let two = try member(broker, second, sharing)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await poll(one, first) }
                try await wait("reading") { first.values.count == 100 }
                #expect(one.assignment.count == 4)
                group.addTask { try await poll(two, second) }
                try await wait("sharing") { one.assignment.count == 2 && two.assignment.count == 2 }
                #expect(one.assignment.isDisjoint(with: two.assignment))
                try await fill(broker, 100..<200, partitions: 4)
                try await wait("continued reading") { first.values.count + second.values.count == 200 }
                // Records that the first committed when its partitions were revoked are not read again.
                #expect(Set(first.values + second.values).count == 200)
                await one.close()
                try await wait("taking over") { two.assignment.count == 4 }
                try await fill(broker, 200..<240, partitions: 4)
                try await wait("reading all") { Set(first.values + second.values).count == 240 }
                group.cancelAll()
                do { try await group.waitForAll() } catch ClientError.closed { /* The first was closed. */  }
            }
            await two.close()
            if sharing.isCooperative {
                // Two of four partitions stay, and are never revoked.
                let revoked = first.events.compactMap { if case .revoked(let gone) = $0 { gone.count } else { nil } }
                #expect(revoked.first == 2)
            }
        }
    }

    @Test(arguments: Sharing.protocols)
    func `a group resumes at its committed offsets after its only member has left`(sharing: Sharing) async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let noted = Noted()
            let first = try member(broker, noted, sharing)
            var values: [String] = []
            while values.count < 10 { values += try await first.poll().map(\.value) }
            await first.close()
            try await fill(broker, 10..<15)
            let second = try member(broker, noted, sharing)
            values = []
            while values.count < 5 { values += try await second.poll().map(\.value) }
            #expect(values == (10..<15).map { "\($0)" })
            try await second.commit()
            #expect(
                try await second.committed([TopicPartition("t", 0)]) == [TopicPartition("t", 0): Offset(15)])
            await second.close()
        }
    }

    @Test func `a poll returns in time while the cluster is unreachable`() async throws {
        let client = ClientOptions(bootstrapServers: [BrokerAddress(host: "127.0.0.1", port: 1)])
        let consumer = try Consumer([topic], cluster: client, options: ConsumerOptions(group: "g"))
        try await withTaskExecutorPreference(OwnThread()) { () async throws in
            let beginning = ContinuousClock.now
            let records = try await consumer.poll(within: .milliseconds(300))
            #expect(records.isEmpty)
            #expect(ContinuousClock.now - beginning < .seconds(30))
        }
        await consumer.close()
    }

    @Test(arguments: Sharing.protocols)
    func `a topic that is created later is read`(sharing: Sharing) async throws {
        var options = ServerOptions()
        options.createsTopics = false
        try await withBroker(options, topics: ["other": 1]) { broker in
            let noted = Noted()
            let consumer = try member(broker, noted, sharing)
            #expect(try await consumer.poll().isEmpty && consumer.assignment.isEmpty)
            try broker.create("t", partitions: 2)
            try await fill(broker, 0..<10, partitions: 2)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await poll(consumer, noted) }
                try await wait("reading") { noted.values.count == 10 }
                group.cancelAll()
                try await group.waitForAll()
            }
            await consumer.close()
        }
    }

    @Test(arguments: Sharing.protocols)
    func `a member that does not poll loses its partitions, and is notified`(sharing: Sharing) async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let noted = Noted()
            var options = ConsumerOptions(group: "g")
            sharing.choose(in: &options)
            options.offsetReset = .earliest
            options.commitsAutomatically = false
            options.heartbeatInterval = .milliseconds(100)
            options.maxPollInterval = .milliseconds(500)
            options.onRebalance = { noted.note($0) }
            let consumer = try Consumer([topic], cluster: broker.client, options: options)
            while try await consumer.poll().isEmpty {}
            try await Task.sleep(for: .milliseconds(1_200))
            do {
                try await consumer.commit()
                Issue.record("the commit succeeded")
            } catch let error as ClientError {
                #expect(error.remedy == .retry || error.remedy == .change, "\(error)")
            }
            while try await consumer.poll().isEmpty {}
            #expect(noted.events.contains(.lost([TopicPartition("t", 0)])))
            await consumer.close()
        }
    }

    @Test func `a returning static member of the consumer protocol keeps its partitions, and no others move`()
        async throws
    {
        try await withBroker(topics: ["t": 4]) { broker in
            let (first, second) = (Noted(), Noted())
            let one = try member(broker, first, .consumer, instance: "one")
            let two = try member(broker, second, .consumer, instance: "two")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await poll(one, first) }
                group.addTask { try await poll(two, second) }
                try await wait("sharing") { one.assignment.count == 2 && two.assignment.count == 2 }
                let (own, events) = (two.assignment, first.events)
                await two.close()
                let again = try member(broker, second, .consumer, instance: "two")
                group.addTask { try await poll(again, second) }
                try await wait("the return") { again.assignment == own }
                #expect(first.events == events, "the other member is not affected")
                group.cancelAll()
                do { try await group.waitForAll() } catch ClientError.closed { /* One was closed. */  }
                await again.close()
            }
            await one.close()
        }
    }

    @Test func `a member of the consumer protocol commits offsets within a transaction`() async throws {
        try await withBroker(topics: ["t": 1, "out": 1]) { broker in
            try await fill(broker, 0..<3)
            let noted = Noted()
            let consumer = try member(broker, noted, .consumer)
            var values: [String] = []
            while values.count < 3 { values += try await consumer.poll().map(\.value) }
            var options = ProducerOptions()
            options.transactionalID = "tx"
            let out = Topic<String, String>("out")
            let producer = try Producer(to: out, cluster: broker.client, options: options)
            let metadata = try #require(consumer.groupMetadata)
            let partition = TopicPartition("t", 0)
            try await producer.transaction { transaction in
                _ = try await producer.enqueue("k", "v")
                try await transaction.commit([partition: Offset(3)], of: metadata)
            }
            #expect(try await consumer.committed([partition]) == [partition: Offset(3)])
            await producer.close()
            await consumer.close()
        }
    }
}
