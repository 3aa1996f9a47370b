import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization
import Testing

typealias QuietBroker = Broker<FailingFileSystem>

/// A client on the network, whose calls are answered by callbacks that the test runs.
struct Stranger {
    let broker: QuietBroker
    var id = "stranger"
    var producer = ProducerIdentity(id: -1, epoch: -1)

    init(_ broker: QuietBroker, id: String = "stranger", timeoutMs: Int32 = 10_000) throws {
        (self.broker, self.id) = (broker, id)
        producer = try initialize(timeoutMs: timeoutMs)
    }

    func initialize(
        timeoutMs: Int32 = 10_000, as known: ProducerIdentity? = nil
    ) throws(BrokerError) -> ProducerIdentity {
        try answer { broker.initProducer(id, timeoutMs: timeoutMs, as: known, then: $0) }
    }

    /// The call's answer, after running the callbacks.
    func answer<Value: Sendable>(
        _ call: (@escaping @Sendable (Result<Value, BrokerError>) -> Void) -> Void
    ) throws(BrokerError) -> Value {
        let told = Told<Result<Value, BrokerError>>()
        call { told.add($0) }
        broker.callbacks.runDue()
        guard let answer = told.all.first, told.all.count == 1 else {
            Issue.record("the call got \(told.all.count) answers")
            throw .closed
        }
        return try answer.get()
    }

    func send(_ value: String, to name: TopicPartition, sequence: Int32 = 0) throws {
        var builder = RecordBatchBuilder()
        builder.producer = ProducerStamp(
            id: producer.id, epoch: producer.epoch, baseSequence: sequence, isTransactional: true)
        Array(value.utf8).withUnsafeBytes { builder.append(key: nil, value: $0, timestamp: noon()) }
        _ = try broker.partition(name).append(builder.finish())
    }

    func add(_ names: TopicPartition...) throws(BrokerError) { try broker.addPartitions(names, id, producer) }

    func commit(_ position: Int64) throws(BrokerError) {
        let told = try answer { commit(position, then: $0) }
        #expect(told == .commit([.init(left, .none)]))
    }

    /// As a client that is not a member of the group.
    func commit(_ position: Int64, then completion: @escaping QuietBroker.TransactionAnswer<GroupAnswer>) {
        broker.commitInTransaction(
            GroupRequest.Commit(
                MemberGeneration(group: "app", generation: -1, memberID: ""),
                [CommittedPosition(left, Offset(position))], producer: producer),
            id, then: completion)
    }

    func end(commit: Bool) throws(BrokerError) {
        try answer { broker.endTransaction(id, producer, commit: commit, then: $0) }
    }
}

struct TransactionCallTests {
    @Test func `a network client's records and offsets become visible with the commit, not before`() throws {
        let broker = try openQuietBroker()
        let stranger = try Stranger(broker)
        try stranger.add(left, right)
        try stranger.send("a", to: left)
        try stranger.send("b", to: right)
        try stranger.answer { broker.addOffsets(of: "app", stranger.id, stranger.producer, then: $0) }
        try stranger.commit(7)
        #expect(try broker.committed(left).isEmpty && broker.position == nil)
        try stranger.end(commit: true)
        #expect(try broker.committed(left) == ["a"] && broker.committed(right) == ["b"])
        #expect(broker.position == 7)
    }

    @Test func `a commit is answered after its sync, and no call blocks on it`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        let stranger = try Stranger(broker)
        try stranger.add(left)
        try stranger.send("a", to: left)
        let told = Told<Result<Void, BrokerError>>()
        let before = files.syncs.withLock { $0.count }
        broker.endTransaction(stranger.id, stranger.producer, commit: true) { told.add($0) }
        #expect(told.all.isEmpty)
        #expect(try broker.committed(left).isEmpty)
        // On this thread: it would hang if the decision were waited for with the id locked.
        let busy = BrokerError.transactionInProgress(id: stranger.id)
        #expect(throws: busy) { try stranger.add(right) }
        #expect(throws: busy) { try stranger.broker.addPartitions([left], stranger.id, stranger.producer) }
        #expect(throws: BrokerError.self) { try stranger.send("late", to: left, sequence: 1) }
        let again = Told<Result<Void, BrokerError>>()
        broker.endTransaction(stranger.id, stranger.producer, commit: true) { again.add($0) }
        broker.initProducer(stranger.id, timeoutMs: 10_000) { result in again.add(result.map { _ in }) }
        #expect(again.all.map(\.failure) == [busy, busy])
        broker.callbacks.runDue()
        #expect(told.all.count == 1 && told.all.first?.failure == nil)
        #expect(files.syncs.withLock { $0.count } == before + 1)
        #expect(try broker.committed(left) == ["a"])
    }

    @Test func `a repeated end of a transaction gets the same answer, and the opposite end is refused`() throws {
        let broker = try openQuietBroker()
        let stranger = try Stranger(broker)
        #expect(throws: BrokerError.self) { try stranger.end(commit: true) }
        for isCommit in [true, false] {
            try stranger.add(left)
            for _ in 0..<3 { try stranger.end(commit: isCommit) }
            let end = try broker.partition(left).endOffset()
            #expect(throws: BrokerError.self) { try stranger.end(commit: !isCommit) }
            #expect(try broker.partition(left).endOffset() == end)
        }
    }

    @Test func `offsets in a transaction are answered once durable, and refused without addOffsets`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        let stranger = try Stranger(broker)
        try stranger.add(left)
        #expect(throws: BrokerError.self) { try stranger.commit(7) }
        try stranger.answer { broker.addOffsets(of: "app", stranger.id, stranger.producer, then: $0) }
        let (told, before) = (Told<Result<GroupAnswer, BrokerError>>(), files.syncs.withLock { $0.count })
        stranger.commit(7) { told.add($0) }
        #expect(told.all.isEmpty)
        broker.callbacks.runDue()
        #expect(told.all.count == 1 && told.all.first?.failure == nil)
        #expect(files.syncs.withLock { $0.count } == before + 1)
        try stranger.end(commit: false)
        #expect(broker.position == nil)
    }

    @Test func `an abort is answered once durable, also if it is requested twice`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        let stranger = try Stranger(broker)
        try stranger.add(left)
        try stranger.send("a", to: left)
        let (told, before) = (Told<Result<Void, BrokerError>>(), files.syncs.withLock { $0.count })
        for _ in 0..<2 { broker.endTransaction(stranger.id, stranger.producer, commit: false) { told.add($0) } }
        #expect(told.all.isEmpty)
        #expect(try broker.partition(left).bounds().upperBound == Offset(2), "the marker does not wait for the sync")
        broker.callbacks.runDue()
        #expect(told.all.count == 2 && told.all.allSatisfy { $0.failure == nil })
        #expect(files.syncs.withLock { $0.count } == before + 1)
    }

    @Test func `a failed sync is reported to the client that requested the commit`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        let stranger = try Stranger(broker)
        try stranger.add(left)
        try stranger.send("a", to: left)
        files.syncs.withLock { $0.fail = true }
        #expect(throws: BrokerError.self) { try stranger.end(commit: true) }
        #expect(try broker.committed(left).isEmpty)
    }

    @Test func `a producer that fences an open transaction must retry, and is then the newest`() throws {
        let broker = try openQuietBroker()
        let old = try Stranger(broker)
        try old.add(left)
        try old.send("old", to: left)
        var new = old
        #expect(throws: BrokerError.transactionInProgress(id: "stranger")) { _ = try new.initialize() }
        #expect(try broker.partition(left).bounds().upperBound == Offset(2), "the record and its marker")
        new.producer = try new.initialize()
        #expect(new.producer == ProducerIdentity(id: old.producer.id, epoch: old.producer.epoch + 2))
        let fenced = BrokerError.producerFenced(id: "stranger")
        #expect(throws: fenced) { try old.add(right) }
        #expect(throws: fenced) { try old.end(commit: true) }
        #expect(throws: fenced) { try old.send("zombie", to: left, sequence: 1) }
        #expect(throws: fenced) { try old.send("zombie", to: right) }
        #expect(throws: fenced) { try old.commit(1) }
        try new.add(left)
        try new.send("new", to: left)
        try new.end(commit: true)
        #expect(try broker.committed(left) == ["new"])
    }

    @Test func `a producer that reinitializes gets its next epoch once, however often it retries`() throws {
        let broker = try openQuietBroker()
        let stranger = try Stranger(broker)
        let next = try stranger.initialize(as: stranger.producer)
        #expect(next == ProducerIdentity(id: stranger.producer.id, epoch: 1))
        #expect(try stranger.initialize(as: stranger.producer) == next)
        _ = try stranger.initialize()
        let fenced = BrokerError.producerFenced(id: "stranger")
        #expect(throws: fenced) { _ = try stranger.initialize(as: next) }
        #expect(throws: fenced) { _ = try stranger.initialize(as: stranger.producer) }
        #expect(throws: fenced) { _ = try stranger.initialize(as: ProducerIdentity(id: 4_711, epoch: 0)) }
    }

    @Test func `reinitialization with the previous epoch works after a restart`() throws {
        let files = FailingFileSystem()
        var broker = try openQuietBroker(files)
        var stranger = try Stranger(broker)
        let (old, next) = (stranger.producer, try stranger.initialize(as: stranger.producer))
        try broker.close()
        broker = try Broker(files, directory: "data", durability: .sync, clock: noon, callbacks: .byHand)
        stranger = try Stranger(broker, id: "another")
        stranger.id = "stranger"
        #expect(try stranger.initialize(as: old) == next)
    }

    @Test func `when a producer's epochs are used up, the transactional id gets a new producer id`() throws {
        let broker = try openQuietBroker()
        var stranger = try Stranger(broker)
        let first = stranger.producer.id
        for _ in 0..<Int(Int16.max) - 1 { stranger.producer = try stranger.initialize(as: stranger.producer) }
        #expect(stranger.producer.id == first && stranger.producer.epoch == .max - 1)
        // The last epoch is reserved for fencing.
        try stranger.add(left)
        #expect(throws: BrokerError.transactionInProgress(id: "stranger")) { _ = try stranger.initialize() }
        let next = try stranger.initialize()
        #expect(next.id != first && next.epoch == 0)
        #expect(throws: BrokerError.unknownProducer(id: "stranger", producer: first)) { try stranger.add(left) }
    }

    @Test func `an invalid transactional id, timeout or producer is refused`() throws {
        let broker = try openQuietBroker()
        let stranger = try Stranger(broker)
        for ms in [Int32.min, -1, 0, 900_001, .max] {
            #expect(throws: BrokerError.invalidTransactionTimeout(ms: ms, longestMs: 900_000)) {
                _ = try stranger.initialize(timeoutMs: ms)
            }
        }
        _ = try stranger.initialize(timeoutMs: 900_000)
        #expect(throws: BrokerError.self) { _ = try Stranger(broker, id: "") }
        #expect(throws: BrokerError.self) { _ = try Stranger(broker, id: String(repeating: "x", count: 32_768)) }
        let unknown = BrokerError.unknownProducer(id: "nobody", producer: 0)
        let nobody = ProducerIdentity(id: 0, epoch: 0)
        #expect(throws: unknown) { try broker.addPartitions([left], "nobody", nobody) }
        #expect(throws: unknown) {
            try stranger.answer { broker.endTransaction("nobody", nobody, commit: true, then: $0) }
        }
        #expect(throws: BrokerError.unknownTopic("none")) { try stranger.add(left, TopicPartition("none", 0)) }
        #expect(throws: BrokerError.self) { try stranger.end(commit: true) }
    }

    @Test func `producers without a transactional id all get different ids`() throws {
        let broker = try openQuietBroker()
        let told = Told<ProducerIdentity?>()
        for _ in 0..<2_500 { broker.initProducer(nil, timeoutMs: 0) { told.add(try? $0.get()) } }
        broker.callbacks.runDue()
        let made = told.all.compactMap { $0 }
        #expect(made.count == 2_500 && Set(made.map(\.id)).count == 2_500)
        #expect(made.allSatisfy { $0.epoch == 0 })
    }

    @Test func `a timed-out transaction is aborted, and its producer is fenced`() throws {
        let uptime = Uptime()
        let broker = try openQuietBroker(uptime: { uptime.now })
        let stranger = try Stranger(broker, timeoutMs: 5_000)
        try stranger.add(left)
        try stranger.send("slow", to: left)
        uptime.pass(.milliseconds(5_001))
        try broker.abortExpired()
        #expect(try broker.partition(left).bounds().upperBound == Offset(2), "the record and its marker")
        let fenced = BrokerError.producerFenced(id: "stranger")
        #expect(throws: fenced) { try stranger.send("late", to: left, sequence: 1) }
        #expect(throws: fenced) { try stranger.end(commit: true) }
        #expect(throws: fenced) { _ = try stranger.initialize(as: stranger.producer) }
        #expect(try broker.committed(left).isEmpty)
    }

    @Test func `after a crash between the decision and the markers the transaction is committed`() throws {
        let files = FailingFileSystem()
        let broker = try openQuietBroker(files)
        let stranger = try Stranger(broker)
        try stranger.add(left, right)
        try stranger.send("a", to: left)
        try stranger.send("b", to: right)
        broker.endTransaction(stranger.id, stranger.producer, commit: true) { _ in }
        try broker.flush()
        // The callbacks never run: the process ends here.
        let next = try openBroker(files.memory.copy())
        #expect(try next.committed(left) == ["a"] && next.committed(right) == ["b"])
    }
}

/// A clock that a test advances.
final class Uptime: Sendable {
    private let passed = Mutex(Duration.zero)
    var now: Duration { passed.withLock { $0 } }
    func pass(_ duration: Duration) { passed.withLock { $0 += duration } }
}

extension Result {
    var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}
