import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

extension Stranger {
    /// Ends the transaction with the next epoch, and continues as the producer that is returned.
    fileprivate mutating func endAndGoOn(commit: Bool) throws(BrokerError) {
        producer = try told(commit: commit)
    }

    /// The producer that ending the transaction returns.
    fileprivate func told(commit: Bool) throws(BrokerError) -> ProducerIdentity {
        try answer { broker.endTransactionAndEpoch(id, producer, commit: commit, then: $0) }
    }
}

/// Transactions that each have an epoch of their own (KIP-890).
struct TransactionEpochTests {
    @Test func `each transaction has the next epoch, and late records of the previous one are fenced`() throws {
        let broker = try openQuietBroker()
        var stranger = try Stranger(broker)
        let first = stranger.producer
        for (number, isCommit) in [true, false, true].enumerated() {
            #expect(stranger.producer == ProducerIdentity(id: first.id, epoch: Int16(number)))
            try stranger.add(left, right)
            try stranger.send("\(number)", to: left)
            let old = stranger
            try stranger.endAndGoOn(commit: isCommit)
            let fenced = BrokerError.producerFenced(id: "stranger")
            #expect(throws: fenced) { try old.send("late", to: left, sequence: 1) }
            #expect(throws: fenced) { try old.send("late", to: right) }
            #expect(throws: fenced) { try old.add(left) }
        }
        #expect(try broker.committed(left) == ["0", "2"])
    }

    @Test func `a client that lost the answer gets it again until the next transaction begins`() throws {
        let broker = try openQuietBroker()
        var stranger = try Stranger(broker)
        for isCommit in [true, false] {
            try stranger.add(left)
            let old = stranger
            try stranger.endAndGoOn(commit: isCommit)
            #expect(try old.told(commit: isCommit) == stranger.producer)
            #expect(throws: BrokerError.self) { try old.told(commit: !isCommit) }
            try stranger.add(left)
            #expect(throws: BrokerError.producerFenced(id: "stranger")) { try old.told(commit: isCommit) }
            try stranger.endAndGoOn(commit: false)
        }
    }

    @Test func `an empty abort raises the epoch, and an empty commit is refused`() throws {
        let broker = try openQuietBroker()
        var stranger = try Stranger(broker)
        #expect(throws: BrokerError.self) { try stranger.told(commit: true) }
        let old = stranger
        try stranger.endAndGoOn(commit: false)
        #expect(stranger.producer.epoch == 1)
        #expect(try old.told(commit: false) == stranger.producer)
        #expect(throws: BrokerError.self) { try old.told(commit: true) }
        #expect(throws: BrokerError.unknownProducer(id: "nobody", producer: 7)) {
            try stranger.answer {
                broker.endTransactionAndEpoch("nobody", ProducerIdentity(id: 7, epoch: 0), commit: false, then: $0)
            }
        }
    }

    @Test func `a producer whose transaction timed out does not get the epoch that fenced it`() throws {
        let uptime = Uptime()
        let broker = try openQuietBroker(uptime: { uptime.now })
        let stranger = try Stranger(broker, timeoutMs: 5_000)
        try stranger.add(left)
        uptime.pass(.milliseconds(5_001))
        try broker.abortExpired()
        for isCommit in [true, false] {
            #expect(throws: BrokerError.producerFenced(id: "stranger")) { try stranger.told(commit: isCommit) }
        }
    }

    @Test func `when the epochs are used up, the next transaction gets another producer id`() throws {
        let broker = try openQuietBroker()
        var stranger = try Stranger(broker)
        let first = stranger.producer.id
        while stranger.producer.epoch < .max - 1 { stranger.producer = try stranger.initialize(as: stranger.producer) }
        try stranger.add(left)
        try stranger.send("a", to: left)
        try stranger.endAndGoOn(commit: true)
        #expect(stranger.producer.id != first && stranger.producer.epoch == 0)
        #expect(try broker.committed(left) == ["a"])
        try stranger.add(left)
        try stranger.send("b", to: left)
        try stranger.endAndGoOn(commit: true)
        #expect(try broker.committed(left) == ["a", "b"])
    }

    @Test func `after a crash between the decision and the markers, the answer is the same`() throws {
        let files = FailingFileSystem()
        var broker = try openQuietBroker(files)
        var stranger = try Stranger(broker)
        try stranger.add(left)
        try stranger.send("a", to: left)
        broker.endTransactionAndEpoch(stranger.id, stranger.producer, commit: true) { _ in }
        try broker.flush()
        // The callbacks never run: the process ends here.
        let (old, copy) = (stranger.producer, FailingFileSystem(files.memory.copy()))
        broker = try Broker(copy, directory: "data", durability: .sync, clock: noon, callbacks: .byHand)
        stranger = try Stranger(broker, id: "another")
        (stranger.id, stranger.producer) = ("stranger", old)
        #expect(try broker.committed(left) == ["a"])
        try stranger.endAndGoOn(commit: true)
        #expect(stranger.producer == ProducerIdentity(id: old.id, epoch: old.epoch + 1))
        try stranger.add(left)
        try stranger.send("b", to: left)
        try stranger.endAndGoOn(commit: true)
        #expect(try broker.committed(left) == ["a", "b"])
    }
}
