import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private func send<Files: FileSystem>(_ stamp: ProducerStamp, to name: TopicPartition, of broker: Broker<Files>) throws {
    var builder = RecordBatchBuilder()
    builder.producer = stamp
    builder.append(key: nil, value: nil, timestamp: noon())
    _ = try broker.partition(name).append(builder.finish())
}

extension ProducerIdentity {
    fileprivate func stamp(_ sequence: Int32 = 0, isTransactional: Bool = true) -> ProducerStamp {
        ProducerStamp(id: id, epoch: epoch, baseSequence: sequence, isTransactional: isTransactional)
    }
}

/// What producers may append to which partition.
struct AdmissionTests {
    @Test(arguments: ["__consumer_offsets", "__transaction_state"])
    func `clients can neither write to nor delete the internal topics`(topic: String) throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        let client = try TransactionalClient(broker)
        try broker.commit([left: offset(1)], of: "app")
        let own = TopicPartition(topic, 0)
        let refusal = BrokerError.internalTopic(topic)
        #expect(throws: refusal) { try broker.append(["x"], to: own) }
        #expect(throws: refusal) { try broker.enlist([own], "app-1", client.producer) }
        #expect(throws: refusal) { try broker.delete(topic) }
        #expect(try broker.partition(own).endOffset() == .zero)
    }

    @Test func `a forged marker does not end another producer's transaction`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("uncommitted", to: left)
        let stamp = ProducerStamp(
            id: client.producer.id, epoch: client.producer.epoch, baseSequence: 1, isTransactional: true)
        let marker = TransactionMarker(isCommit: true).batch(of: stamp, at: noon())
        #expect(throws: BrokerError.self) {
            try marker.withUnsafeBytes { _ = try broker.partition(left).append($0) }
        }
        #expect(try broker.committed(left).isEmpty)
    }

    @Test func `a transactional batch needs an open transaction that includes its partition`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        let producer = try broker.makeProducer("app-1", timeout: .seconds(10))
        #expect(throws: BrokerError.self) { try send(producer.stamp(), to: left, of: broker) }
        try broker.enlist([left], "app-1", producer)
        #expect(throws: BrokerError.self) { try send(producer.stamp(), to: right, of: broker) }
        try send(producer.stamp(), to: left, of: broker)
        try broker.endTransaction("app-1", producer, commit: true)
        #expect(throws: BrokerError.self) { try send(producer.stamp(1), to: left, of: broker) }
        let stranger = ProducerIdentity(id: 4_711, epoch: 0)
        #expect(throws: BrokerError.self) { try send(stranger.stamp(), to: left, of: broker) }
        #expect(try broker.partition(left).endOffset() == Offset(2), "the record and its marker")
    }

    @Test(arguments: [true, false])
    func `an older epoch is refused on a partition that it never wrote to`(isTransactional: Bool) throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        let old = try broker.makeProducer("app-1", timeout: .seconds(10))
        let new = try broker.makeProducer("app-1", timeout: .seconds(10))
        try broker.enlist([right], "app-1", new)
        #expect(throws: BrokerError.producerFenced(id: "app-1")) {
            try send(old.stamp(isTransactional: isTransactional), to: right, of: broker)
        }
        try send(new.stamp(isTransactional: isTransactional), to: right, of: broker)
    }

    @Test func `a producer's batch needs a sequence number, and an append has batches of one producer only`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        let producer = ProducerIdentity(id: 4_711, epoch: 0)
        #expect(throws: BrokerError.self) { try send(producer.stamp(-1, isTransactional: false), to: left, of: broker) }
        try send(producer.stamp(isTransactional: false), to: left, of: broker)
        var builder = RecordBatchBuilder()
        builder.append(key: nil, value: nil, timestamp: noon())
        var bytes = Array(builder.finish())
        builder.producer = producer.stamp(1, isTransactional: false)
        bytes += Array(builder.finish())
        #expect(throws: BrokerError.self) { try bytes.withUnsafeBytes { _ = try broker.partition(left).append($0) } }
        #expect(try broker.partition(left).endOffset() == Offset(1))
    }

    @Test func `oversized names and metadata are refused in transactions too, and any timeout is accepted`() throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.createTopics()
        for timeout in [Duration.seconds(Int64.max), .seconds(Int64.min), .zero] {
            _ = try broker.makeProducer("app-2", timeout: timeout)
        }
        let producer = try broker.makeProducer("app-1", timeout: .seconds(10))
        let long = String(repeating: "x", count: 40_000)
        let group = GroupOffset(offset: Offset(1), metadata: long, time: noon())
        #expect(throws: BrokerError.self) { try broker.commit([left: group], of: "app", "app-1", producer) }
        #expect(throws: BrokerError.self) { try broker.commit([left: offset(1)], of: long, "app-1", producer) }
        for commit in [broker.commit(_:of:)] {
            #expect(throws: BrokerError.self) { try commit([TopicPartition(long, 0): offset(1)], "app") }
        }
        #expect(throws: BrokerError.self) { try broker.enlist([TopicPartition(long, 0)], "app-1", producer) }
        broker = try openBroker(files)
        #expect(broker.groupsWithOffsets().isEmpty)
    }

    /// A start time as older versions accepted it, or as damage leaves it.
    @Test(arguments: [Int64.min, .max, -1, 0])
    func `a transaction can be ended whatever its recorded start time`(started: Int64) throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("a", to: left)
        // The last 8 bytes before those of the partition's end: see TransactionRecord.
        let path = try #require(
            try files.names(in: "data").first {
                $0.hasPrefix("__transaction_state-") && files.exists("data/\($0)/00000000000000000000.log")
            })
        let log = try files.open("data/\(path)/00000000000000000000.log")
        let bytes = try log.read(try log.size(), at: 0)
        try files.removeFile("data/durable.journal")
        try log.write(bytes.withStart(started), at: 0)
        broker = try openBroker(files)
        try? broker.abortExpired()
        _ = try TransactionalClient(broker)
        #expect(try broker.committed(left).isEmpty)
        try broker.append(["plain"], to: left)
        #expect(try broker.committed(left) == ["plain"])
    }

    /// Batches of transactions that were never begun: older versions accepted them.
    @Test(arguments: [true, false])
    func `a transaction that was never begun does not block readers after a restart`(closes: Bool) throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        try broker.createTopics()
        let stranger = ProducerIdentity(id: 4_711, epoch: 3)
        var builder = RecordBatchBuilder()
        builder.producer = stranger.stamp()
        builder.append(key: nil, value: nil, timestamp: noon())
        _ = try broker.partition(left).appendOwn(builder.finish())
        try broker.append(["behind it"], to: left)
        #expect(try broker.committed(left).isEmpty)
        if closes { try broker.close() }
        broker = try openBroker(closes ? files : files.copy())
        _ = try broker.committed(left)
        try broker.abortExpired()
        #expect(try broker.committed(left) == ["behind it"])
    }

    @Test func `a transaction that was never begun is aborted while the broker runs`() throws {
        let broker = try openBroker(MemoryFileSystem())
        try broker.createTopics()
        var client = try TransactionalClient(broker)
        try client.send("open", to: right)
        let stranger = ProducerIdentity(id: 4_711, epoch: 3)
        var builder = RecordBatchBuilder()
        builder.producer = stranger.stamp()
        builder.append(key: nil, value: nil, timestamp: noon())
        _ = try broker.partition(left).appendOwn(builder.finish())
        try broker.append(["behind it"], to: left)
        try broker.abortExpired()
        #expect(try broker.committed(left) == ["behind it"])
        try client.end(commit: true)
        #expect(try broker.committed(right) == ["open"], "a transaction that was begun is left to its producer")
    }

    @Test func `transactional ids get different producer ids even if the file of producer ids is lost`() throws {
        let files = MemoryFileSystem()
        var broker = try openBroker(files)
        let first = try broker.makeProducer("app-1", timeout: .seconds(10))
        try broker.close()
        try files.removeFile("data/producer-ids")
        broker = try openBroker(files)
        let second = try broker.makeProducer("app-2", timeout: .seconds(10))
        #expect(second.id > first.id)
    }
}

extension [UInt8] {
    /// The bytes of batches, with another start time in the last record of a transaction with one partition.
    fileprivate func withStart(_ started: Int64) -> [UInt8] {
        var bytes = self
        var start = 0
        while true {
            let header = bytes[start...].withUnsafeBytes { try? RecordBatchHeader($0) }!
            guard start + header.byteCount < bytes.count else { break }
            start += header.byteCount
        }
        // The value ends with the start time, 8 bytes; the header moldau.ends with one end follows, 22 bytes.
        bytes.replaceSubrange(
            (bytes.count - 30)..<(bytes.count - 22), with: Swift.withUnsafeBytes(of: started.bigEndian) { Array($0) })
        let checksum = bytes[(start + 21)...].withUnsafeBytes { crc32c($0) }
        bytes.replaceSubrange(
            (start + 17)..<(start + 21), with: Swift.withUnsafeBytes(of: checksum.bigEndian) { Array($0) })
        return bytes
    }
}
