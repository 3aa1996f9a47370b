import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

struct TransactionAdminTests {
    private let uptime = Uptime()

    private func open(
        _ files: FailingFileSystem = FailingFileSystem(), _ limits: ProducerLimits = ProducerLimits()
    ) throws -> QuietBroker {
        let broker = try Broker(
            files, directory: "data", durability: .sync, clock: noon, uptime: { [uptime] in uptime.now },
            callbacks: .byHand, limits: limits)
        if broker.topic("left") == nil { try broker.createTopics() }
        return broker
    }

    @Test func `transactions are listed by status, producer and age, and described by id`() throws {
        let broker = try open()
        let (idle, busy, done) = (
            try Stranger(broker, id: "idle"), try Stranger(broker, id: "busy"), try Stranger(broker, id: "done")
        )
        try done.add(left)
        try done.end(commit: true)
        try busy.add(right, left)
        uptime.pass(.seconds(5))
        #expect(broker.listTransactions().map(\.id) == ["busy", "done", "idle"])
        #expect(broker.listTransactions(statuses: [.completeCommit, .empty]).map(\.id) == ["done", "idle"])
        #expect(broker.listTransactions(producers: [idle.producer.id]).map(\.id) == ["idle"])
        #expect(broker.listTransactions(openFor: .seconds(4)).map(\.id) == ["busy"])
        #expect(broker.listTransactions(openFor: .seconds(5)).isEmpty)
        let found = try broker.describeTransaction("busy")
        #expect(found.status == .ongoing && found.producer == busy.producer && found.timeoutMs == 10_000)
        #expect(found.started == noon() && found.openFor == .seconds(5) && found.partitions == [left, right])
        let ended = try broker.describeTransaction("done")
        #expect(ended.status.name == "CompleteCommit" && ended.started == nil && ended.partitions.isEmpty)
        #expect(throws: BrokerError.unknownTransactionalID("none")) { try broker.describeTransaction("none") }
        #expect(broker.listTransactions().count == 3, "describing an unknown id does not create it")
        for status in TransactionStatus.allCases { #expect(TransactionStatus(name: status.name) == status) }
    }

    @Test func `a partition lists its producers and their open transactions`() throws {
        let broker = try open()
        let stranger = try Stranger(broker)
        #expect(try broker.partition(left).producers().isEmpty)
        try stranger.add(left)
        try stranger.send("a", to: left)
        try stranger.send("b", to: left, sequence: 1)
        var found = try #require(try broker.partition(left).producers().first)
        #expect(found.id == stranger.producer.id && found.epoch == 0 && found.lastSequence == 1)
        #expect(found.transactionStart == .zero && found.lastTimestamp == noon() && found.coordinatorEpoch == -1)
        try stranger.end(commit: true)
        found = try #require(try broker.partition(left).producers().first)
        #expect(found.transactionStart == nil && found.coordinatorEpoch == 0)
    }

    @Test func `aborting a hanging transaction aborts it in all its partitions`() throws {
        let broker = try open()
        let stranger = try Stranger(broker)
        try stranger.add(left, right)
        try stranger.send("a", to: left)
        try stranger.send("b", to: right)
        let other = ProducerIdentity(id: stranger.producer.id, epoch: 1)
        #expect(throws: BrokerError.self) { try broker.abortHanging(other, in: left) }
        try broker.abortHanging(stranger.producer, in: left)
        #expect(throws: BrokerError.producerFenced(id: "stranger")) { try stranger.end(commit: true) }
        for name in [left, right] {
            #expect(try broker.partition(name).bounds().upperBound == Offset(2), "the record and its marker")
            #expect(try broker.committed(name).isEmpty)
        }
        #expect(throws: BrokerError.self) { try broker.abortHanging(stranger.producer, in: left) }
    }

    @Test func `a transaction unknown to every coordinator is aborted in the partition where it hangs`() throws {
        let broker = try open()
        var builder = RecordBatchBuilder()
        builder.producer = ProducerStamp(id: 4_711, epoch: 3, baseSequence: 0, isTransactional: true)
        builder.append(key: nil, value: nil, timestamp: noon())
        _ = try broker.partition(left).appendOwn(builder.finish())
        try broker.abortHanging(ProducerIdentity(id: 4_711, epoch: 3), in: left)
        #expect(try broker.partition(left).bounds().upperBound == Offset(2))
    }

    @Test func `a commit in progress is not aborted by an administrator`() throws {
        let broker = try open()
        let stranger = try Stranger(broker)
        try stranger.add(left)
        try stranger.send("a", to: left)
        broker.endTransaction(stranger.id, stranger.producer, commit: true) { _ in }
        #expect(throws: BrokerError.transactionInProgress(id: "stranger")) {
            try broker.abortHanging(stranger.producer, in: left)
        }
        broker.callbacks.runDue()
        #expect(try broker.committed(left) == ["a"])
    }

    @Test func `a transactional id unused for a week expires, also on disk`() throws {
        let files = FailingFileSystem()
        var broker = try open(files)
        let (old, used) = (try Stranger(broker, id: "old"), try Stranger(broker, id: "used"))
        let open = try Stranger(broker, id: "open")
        uptime.pass(.seconds(7 * 86_400 - 1))
        try broker.abortExpired()
        #expect(broker.listTransactions().count == 3)
        try used.add(left)
        try used.end(commit: true)
        uptime.pass(.seconds(1))
        try open.add(left)
        try broker.abortExpired()
        #expect(broker.listTransactions().map(\.id) == ["open", "used"])
        let gone = BrokerError.unknownProducer(id: "old", producer: old.producer.id)
        #expect(throws: gone) { try old.add(left) }
        #expect(throws: BrokerError.self) { try old.send("zombie", to: left) }
        broker = try self.open(
            try { files in
                try broker.close(); return files
            }(files))
        #expect(broker.listTransactions().map(\.id) == ["open", "used"])
        let again = try Stranger(broker, id: "old")
        #expect(again.producer.id != old.producer.id && again.producer.epoch == 0)
    }

    @Test func `new transactional ids beyond the limit are refused, and existing ones continue`() throws {
        var limits = ProducerLimits()
        limits.transactionalIDs = 2
        let broker = try open(FailingFileSystem(), limits)
        let one = try Stranger(broker, id: "one")
        _ = try Stranger(broker, id: "two")
        #expect(throws: BrokerError.tooManyTransactionalIDs(limit: 2)) { _ = try Stranger(broker, id: "three") }
        _ = try one.initialize()
        uptime.pass(.seconds(7 * 86_400))
        try broker.abortExpired()
        _ = try Stranger(broker, id: "three")
    }

    @Test func `a new transactional id must not exceed the length limit`() throws {
        var limits = ProducerLimits()
        limits.maxIDBytes = 3
        let broker = try open(FailingFileSystem(), limits)
        _ = try Stranger(broker, id: "one")
        #expect(throws: BrokerError.invalidProducerRequest(reason: "a transactional id has at most 3 bytes")) {
            _ = try Stranger(broker, id: "three")
        }
    }

    @Test func `a partition expires producers that are idle for a day, and limits their number`() throws {
        var limits = ProducerLimits()
        limits.producersPerPartition = 2
        let broker = try open(FailingFileSystem(), limits)
        func send(_ id: Int64, sequence: Int32) throws {
            var builder = RecordBatchBuilder()
            builder.producer = ProducerStamp(id: id, epoch: 0, baseSequence: sequence, isTransactional: false)
            builder.append(key: nil, value: nil, timestamp: noon())
            _ = try broker.partition(left).append(builder.finish())
        }
        try send(1_000, sequence: 0)
        try send(1_001, sequence: 0)
        #expect(throws: BrokerError.log(left, .tooManyProducers(limit: 2))) { try send(1_002, sequence: 0) }
        #expect(throws: BrokerError.log(left, .outOfOrderSequence(producer: 1_001, expected: 1, got: 7))) {
            try send(1_001, sequence: 7)
        }
        try broker.abortExpired()
        uptime.pass(.seconds(86_399))
        try send(1_000, sequence: 1)
        try broker.abortExpired()
        uptime.pass(.seconds(1))
        try broker.abortExpired()
        #expect(try broker.partition(left).producers().map(\.id) == [1_000])
        try send(1_002, sequence: 5)
    }

    @Test func `each error maps to Kafka's error code`() {
        let fenced = BrokerError.producerFenced(id: "a")
        #expect(fenced.producerErrorCode(knowsFencing: true) == 90)
        #expect(fenced.producerErrorCode(knowsFencing: false) == 47)
        let codes: [(BrokerError, Int16?)] = [
            (.unknownProducer(id: "a", producer: 1), 49), (.transactionInProgress(id: "a"), 51),
            (.invalidTransaction(id: "a", reason: ""), 48), (.invalidTransactionTimeout(ms: 0, longestMs: 1), 50),
            (.invalidProducerRequest(reason: ""), 42), (.tooManyTransactionalIDs(limit: 1), 44),
            (.unknownTransactionalID("a"), 105), (.log(left, .producerFenced(id: 1, epoch: 0, current: 1)), 47),
            (.log(left, .outOfOrderSequence(producer: 1, expected: 0, got: 1)), 45),
            (.log(left, .tooManyProducers(limit: 1)), 44), (.closed, nil),
        ]
        for (error, code) in codes { #expect(error.producerErrorCode(knowsFencing: true) == code) }
    }
}
