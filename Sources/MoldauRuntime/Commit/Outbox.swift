import MoldauCluster
import MoldauRecords
import MoldauTopology

/// Where a stream thread's tasks put the records that they send: one growing batch per target partition.
///
/// A batch goes to the producer when it is large enough, and with `sendAll`. Names of internal topics get the
/// application's id. Owned by one stream thread.
package final class Outbox: RecordCollector {
    // What is used for every record is behind pointers: no reference is counted, and no exclusive access is checked.
    private typealias BatchPointer = UnsafeMutablePointer<GrowingBatch>

    private struct KnownTopic {
        let topic: BatchedTopic
        var partitioner: Partitioner
    }

    private let names: InternalTopicNames
    /// What batches go to; `begin(with:)` takes another one in.
    private(set) var producer: any Producer
    private let batchBytes: Int
    private let onFailure: @Sendable (ProductionFailure) -> ProductionResponse
    /// Creates a topic that only a closure named; answers false where the configuration does not allow it.
    private let createTopic: (_ name: String) throws -> Bool
    /// Stores by the names of their changelog topics.
    private var changelogStores: [String: String] = [:]

    private var topics: UnsafeMutablePointer<KnownTopic>
    private var topicCount = 0
    private var handles: [String: Int] = [:]
    /// The batches that hold records, in the order in which they got their first.
    private var filled: [BatchPointer] = []

    /// The queue whose head is being processed, for dead letters; nil in punctuations.
    ///
    /// Unsafe, so that it costs nothing per record: who sets it is processing the queue, and sets it back before it returns.
    @exclusivity(unchecked) package unowned(unsafe) var processing: PartitionQueue?
    package var resumed: OriginalRecord?
    /// The cluster takes no more: it has no room, and batches grow until `sendAll` finds some; or the producer was fenced.
    @exclusivity(unchecked) package private(set) var isOutOfSpace = false
    private(set) var spaceError = ClusterError.closed
    /// Records that were not written.
    package private(set) var drops: [DropKey: Int64] = [:]

    package init(
        names: InternalTopicNames, producer: any Producer, configuration: StreamsConfiguration,
        createTopic: @escaping (_ name: String) throws -> Bool = { _ in false }
    ) {
        self.names = names
        self.createTopic = createTopic
        self.producer = producer
        batchBytes = configuration.batchBytes
        onFailure = configuration.onProductionFailure
        topics = .allocate(capacity: 1)
    }

    deinit {
        for known in UnsafeBufferPointer(start: topics, count: topicCount) {
            known.topic.batches.deinitialize(count: Int(known.topic.count))
            known.topic.batches.deallocate()
        }
        topics.deinitialize(count: topicCount)
        topics.deallocate()
    }

    package func batches(forTopic name: String) throws -> BatchedTopic {
        let name = names.topic(name)
        do {
            return try batches(ofTopicInCluster: name)
        } catch ClusterError.unknownTopic where handles[name] == nil {
            guard try createTopic(name) else { throw ClusterError.unknownTopic(name) }
            return try batches(ofTopicInCluster: name)
        }
    }

    package func batches(forChangelogOf store: String) throws -> BatchedTopic {
        changelogStores[names.changelog(ofStore: store)] = store
        return try batches(ofTopicInCluster: names.changelog(ofStore: store))
    }

    private func batches(ofTopicInCluster name: String) throws -> BatchedTopic {
        if let known = handles[name] { return topics[known].topic }
        let count = try producer.partitionCount(of: name)
        let batches = BatchPointer.allocate(capacity: Int(count))
        for number in 0..<count {
            (batches + Int(number)).initialize(to: GrowingBatch(TopicPartition(name, number)))
        }
        let longer = UnsafeMutablePointer<KnownTopic>.allocate(capacity: topicCount + 1)
        longer.moveInitialize(from: topics, count: topicCount)
        topics.deallocate()
        topics = longer
        let topic = BatchedTopic(handle: topicCount, batches: batches, count: count)
        (topics + topicCount).initialize(to: KnownTopic(topic: topic, partitioner: .keyed(stickyBytes: batchBytes)))
        handles[name] = topicCount
        topicCount += 1
        return topic
    }

    package func send(
        _ topic: BatchedTopic, partition: Partition?, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        timestamp: Timestamp, headers: Headers
    ) throws {
        let batch =
            topic.count == 1 && partition == nil
            ? topic.batches
            : try batch(topic, partition, key, byteCount: (key?.count ?? 0) + (value?.count ?? 0))
        batch.pointee.builder.append(key: key, value: value, timestamp: timestamp, headers: headers)
        if batch.pointee.builder.byteCount >= batch.pointee.noticeBytes { try grew(batch) }
    }

    private func batch(
        _ topic: BatchedTopic, _ partition: Partition?, _ key: UnsafeRawBufferPointer?, byteCount: Int
    ) throws -> BatchPointer {
        let chosen =
            partition
            ?? topics[topic.handle].partitioner.partition(key: key, byteCount: byteCount, count: topic.count)
        guard chosen.number >= 0 && chosen.number < topic.count else {
            throw ClusterError.unknownPartition(
                TopicPartition(topic.batches.pointee.partition.topic, chosen), partitionCount: topic.count)
        }
        return topic.batches + Int(chosen.number)
    }

    package func grew(_ batch: UnsafeMutablePointer<GrowingBatch>) throws {
        if batch.pointee.noticeBytes == 0 {
            batch.pointee.noticeBytes = batchBytes
            filled.append(batch)
        }
        if batch.pointee.builder.byteCount >= batchBytes, !isOutOfSpace { _ = try ship(batch) }
    }

    /// Hands everything to the producer, in the order in which it was begun.
    /// - Returns: false where the cluster has no room for it; then the rest is kept.
    @discardableResult
    package func sendAll() throws -> Bool {
        var sent = 0
        isOutOfSpace = false
        for batch in filled {
            if !batch.pointee.builder.isEmpty, try !ship(batch) { break }
            batch.pointee.noticeBytes = 0
            sent += 1
        }
        filled.removeFirst(sent)
        return !isOutOfSpace
    }

    /// Whether there are records that were not handed to the producer.
    var hasUnsent: Bool { !filled.isEmpty }

    /// Discards what was not sent, and sends with another producer from here on.
    func begin(with producer: any Producer) {
        for batch in filled {
            batch.pointee.builder.reset()
            batch.pointee.noticeBytes = 0
        }
        filled = []
        isOutOfSpace = false
        self.producer = producer
    }

    /// Returns when everything is acknowledged. Blocks.
    /// - Throws: `ClusterError.diskFull` where there is no room for it; then the rest is kept.
    package func flush() throws {
        guard try sendAll() else { throw spaceError }
        do {
            try producer.flush()
        } catch let error as ClusterError {
            try judge(error, partition: nil, recordCount: 1)
        }
    }

    private func send(_ built: UnsafeRawBufferPointer, isKeyed: Bool, to partition: TopicPartition) throws {
        guard isKeyed, let producer = producer as? any InProcessProducer else {
            return try producer.send(built, to: partition)
        }
        try producer.send(built: built, to: partition)
    }

    /// - Returns: false where the cluster has no room for it; then it is kept.
    private func ship(_ batch: BatchPointer) throws -> Bool {
        let count = batch.pointee.builder.recordCount
        do {
            batch.pointee.builder.producer = producer.stamp(for: batch.pointee.partition)
            let isKeyed = !batch.pointee.builder.lacksKey
            try send(batch.pointee.builder.finish(), isKeyed: isKeyed, to: batch.pointee.partition)
        } catch let error as ClusterError where error.isKept {
            // Not thrown here, where user code may have called, and would take it for its own.
            (isOutOfSpace, spaceError) = (true, error)
            return false
        } catch let error as ClusterError where error.remedy == .sendApart && count > 1 {
            try sendOneByOne(batch)
        } catch let error as ClusterError {
            var reader = RecordBatchReader(batch.pointee.builder.finish())
            try judge(error, partition: batch.pointee.partition, recordCount: count, key: try reader.next()?.key)
        }
        batch.pointee.builder.reset()
        return true
    }

    /// A batch was refused for its size or a record in it: its records are sent one by one.
    private func sendOneByOne(_ batch: BatchPointer) throws {
        var single = RecordBatchBuilder(capacity: 4 << 10)
        var reader = RecordBatchReader(batch.pointee.builder.finish())
        while let record = try reader.next() {
            single.reset()
            single.producer = producer.stamp(for: batch.pointee.partition)
            single.append(
                key: record.key, value: record.value, timestamp: record.timestamp, headers: try record.headers())
            do {
                let isKeyed = !single.lacksKey
                try send(single.finish(), isKeyed: isKeyed, to: batch.pointee.partition)
            } catch let error as ClusterError {
                try judge(error, partition: batch.pointee.partition, recordCount: 1, key: record.key)
            }
        }
    }

    /// Asks the production handler about records that the cluster refused. What makes the client useless is not its to
    /// decide, and neither are changelogs: a store would be wrong when it is restored.
    private func judge(
        _ error: ClusterError, partition: TopicPartition?, recordCount: Int, key: UnsafeRawBufferPointer? = nil
    ) throws {
        guard error.remedy == .sendApart || error.remedy == .leaveOut, let refused = partition ?? error.partition
        else { throw error }
        if let store = changelogStores[refused.topic] {
            throw RuntimeError.changelogRefused(store: store, refused, keyBytes: key?.count ?? 0, error)
        }
        let failure = ProductionFailure(partition: refused, recordCount: recordCount, underlying: error)
        guard case .skip = onFailure(failure) else { throw failure }
        drops[DropKey(node: refused.topic, reason: .production), default: 0] += Int64(recordCount)
    }
}

extension ClusterError {
    /// Whether it says nothing of the batch that it was thrown for.
    fileprivate var isKept: Bool { remedy == .retry || remedy == .beginAnew }
}

extension Outbox {
    package var originalRecord: OriginalRecord? {
        if let resumed { return resumed }
        guard let queue = processing, let record = queue.head else { return nil }
        return OriginalRecord(record, of: queue.partition)
    }

    package func sendDeadLetter(topic: String, failure: any Error, node: String) throws {
        guard let record = originalRecord else { return }
        try sendDeadLetter(topic: topic, record: record, failure: failure, node: node)
    }

    /// Copies a record as it came, with the headers of KIP-1034 that say why it could not be processed.
    /// - Parameter message: what the failure says; nil: its own words.
    func sendDeadLetter(
        topic: String, record: OriginalRecord, failure: any Error, message: String? = nil, node: String
    ) throws {
        var headers = record.headers
        headers.append(Header("__streams.errors.exception", "\(type(of: failure))"))
        headers.append(Header("__streams.errors.message", message ?? "\(failure)"))
        headers.append(Header("__streams.errors.topic", record.origin.topic))
        headers.append(Header("__streams.errors.partition", "\(record.origin.partition)"))
        headers.append(Header("__streams.errors.offset", "\(record.origin.offset)"))
        headers.append(Header("__moldau.errors.node", node))
        let batches = try batches(forTopic: topic)
        try (record.key ?? []).withUnsafeBytes { key in
            try (record.value ?? []).withUnsafeBytes { value in
                try send(
                    batches, partition: nil, key: record.key == nil ? nil : key,
                    value: record.value == nil ? nil : value, timestamp: record.timestamp, headers: headers)
            }
        }
    }
}

extension OriginalRecord {
    init(_ record: RecordView, of partition: TopicPartition) {
        self.init(
            origin: RecordOrigin(topic: partition.topic, partition: partition.partition, offset: record.offset),
            key: record.key.map { Array($0) }, value: record.value.map { Array($0) }, timestamp: record.timestamp,
            // Headers that cannot be read may be the failure itself.
            headers: (try? record.headers()) ?? Headers())
    }
}
