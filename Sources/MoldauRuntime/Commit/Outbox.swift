import MoldauCluster
import MoldauRecords
import MoldauTopology

/// Collects the records that a stream thread's tasks send: one growing batch per target partition.
///
/// A batch goes to the producer when it is large enough, and with `sendAll`. Names of internal topics get the
/// application's id. Owned by one stream thread.
package final class Outbox: RecordCollector {
    // Fields used for every record are behind pointers, which avoids reference counting and exclusivity checks.
    private typealias BatchPointer = UnsafeMutablePointer<GrowingBatch>

    private struct KnownTopic {
        let topic: BatchedTopic
        var partitioner: Partitioner
    }

    private let names: InternalTopicNames
    /// The receiver of batches; `begin(with:)` replaces it.
    private(set) var producer: any Producer
    private let batchBytes: Int
    private let onFailure: @Sendable (ProductionFailure) -> ProductionResponse
    /// For topics that appear only in closures; nil: they are not created.
    private let newTopicPartitions: Int32?
    private let createTopic: (NewTopic) throws -> Void
    /// Topics that are still to be created, since the cluster had no space for them.
    private var missing: Set<String> = []
    /// Stores by the names of their changelog topics.
    private var changelogStores: [String: String] = [:]

    private var topics: UnsafeMutablePointer<KnownTopic>
    private var topicCount = 0
    private var handles: [String: Int] = [:]
    /// The batches with records, in the order of their first records.
    private var filled: [BatchPointer] = []

    /// The queue whose head is being processed, for dead letters; nil in punctuations.
    ///
    /// Unsafe, so that it costs nothing per record: the code that sets it is processing the queue, and resets it before
    /// returning.
    @exclusivity(unchecked) package unowned(unsafe) var processing: PartitionQueue?
    package var resumed: OriginalRecord?
    /// Whether the cluster accepts nothing now: it has no space, and batches grow until `sendAll` succeeds; or the
    /// producer was fenced.
    @exclusivity(unchecked) package private(set) var isOutOfSpace = false
    private(set) var spaceError = ClusterError.closed
    /// Records that were not written, by topic.
    package private(set) var drops: [DropKey: DropTally] = [:]
    private let dropSamples: DropSamples
    package private(set) var failure: (any Error)?
    /// The time of the thread's current round.
    private var now = RoundTime(.none, uptime: .zero)
    /// The sent records, by the names of the topics in the cluster.
    private(set) var sent: [String: SentRecords] = [:]

    package init(
        names: InternalTopicNames, producer: any Producer, configuration: StreamsConfiguration,
        createTopic: @escaping (NewTopic) throws -> Void = { _ in }
    ) {
        self.names = names
        (newTopicPartitions, self.createTopic) = (configuration.newTopicPartitions, createTopic)
        self.producer = producer
        batchBytes = configuration.batchBytes
        dropSamples = configuration.dropSamples
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

    /// Begins a round of the thread: errors of earlier ones were handled.
    package func begin(_ round: RoundTime) { (now, failure) = (round, nil) }

    /// Records the cluster's errors, because user code may be the caller and catch them: see `failure`. An invalid
    /// topic name or partition is not recorded: user code chose it.
    private func noting<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch {
            if (error as? ClusterError)?.remedy != .skip { failure = error }
            throw error
        }
    }

    /// - Throws: an error of this round, which user code may have caught: the record that was not sent would be lost.
    func check() throws { if let failure { throw failure } }

    /// The batches of a topic, by its name in the topology.
    package func batches(forTopic name: String) throws -> BatchedTopic {
        let name = names.topic(name)
        return try noting {
            do {
                return try batches(ofTopicInCluster: name)
            } catch ClusterError.unknownTopic where handles[name] == nil {
                guard let count = newTopicPartitions else { throw ClusterError.unknownTopic(name) }
                do { try create(name, partitionCount: count) } catch let error as ClusterError where error.isKept {
                    // The records wait in their batches.
                    (isOutOfSpace, spaceError) = (true, error)
                    missing.insert(name)
                    return add(name, partitionCount: count)
                }
                return try batches(ofTopicInCluster: name)
            }
        }
    }

    private func createIfMissing(_ topic: String) throws {
        guard missing.contains(topic), let count = newTopicPartitions else { return }
        try create(topic, partitionCount: count)
        missing.remove(topic)
    }

    private func create(_ topic: String, partitionCount: Int32) throws {
        do { try createTopic(NewTopic(topic, partitionCount: partitionCount)) } catch ClusterError.topicExists {}
    }

    /// The batches of a store's changelog.
    package func batches(forChangelogOf store: String) throws -> BatchedTopic {
        changelogStores[names.changelog(ofStore: store)] = store
        return try batches(ofTopicInCluster: names.changelog(ofStore: store))
    }

    private func batches(ofTopicInCluster name: String) throws -> BatchedTopic {
        if let known = handles[name] { return topics[known].topic }
        return add(name, partitionCount: try producer.partitionCount(of: name))
    }

    private func add(_ name: String, partitionCount count: Int32) -> BatchedTopic {
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

    /// Sends a batch that has reached its full size; a batch that was empty is noted as begun.
    package func grew(_ batch: UnsafeMutablePointer<GrowingBatch>) throws {
        if batch.pointee.noticeBytes == 0 {
            batch.pointee.noticeBytes = batchBytes
            filled.append(batch)
        }
        if batch.pointee.builder.byteCount >= batchBytes, !isOutOfSpace { _ = try noting { try ship(batch) } }
    }

    /// Passes all batches to the producer, in the order of their first records.
    /// - Returns: false if the cluster has no space; the rest is kept then.
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

    /// Whether there are records that were not passed to the producer yet.
    var hasUnsent: Bool { !filled.isEmpty }

    /// Discards unsent records, and uses another producer from now on.
    func begin(with producer: any Producer) {
        for batch in filled {
            batch.pointee.builder.reset()
            batch.pointee.noticeBytes = 0
        }
        filled = []
        isOutOfSpace = false
        self.producer = producer
    }

    /// Sends everything and returns when it is acknowledged. Blocks.
    /// - Throws: `ClusterError.diskFull` if there is no space; the rest is kept then.
    package func flush() throws {
        guard try sendAll() else { throw spaceError }
        while true {
            do {
                return try producer.flush()
            } catch let error as ClusterError {
                // Each call reports one refusal: the rest may still be in flight.
                try judge(error, partition: nil, recordCount: 1)
            }
        }
    }

    private func send(_ built: UnsafeRawBufferPointer, isKeyed: Bool, to partition: TopicPartition) throws {
        guard isKeyed, let producer = producer as? any InProcessProducer else {
            return try producer.send(built, to: partition)
        }
        try producer.send(built: built, to: partition)
    }

    /// - Returns: false if the cluster has no space for the batch, or for a part of it, which is kept then.
    private func ship(_ batch: BatchPointer) throws -> Bool {
        do { try sendWhole(batch) } catch let error as ClusterError where error.isKept {
            // Not thrown here: user code may be the caller, and would mistake it for its own error.
            (isOutOfSpace, spaceError) = (true, error)
            return false
        }
        batch.pointee.builder.reset()
        return true
    }

    private func sendWhole(_ batch: BatchPointer) throws {
        let count = batch.pointee.builder.recordCount
        do {
            try createIfMissing(batch.pointee.partition.topic)
            batch.pointee.builder.producer = producer.stamp(for: batch.pointee.partition)
            let isKeyed = !batch.pointee.builder.lacksKey
            try send(batch.pointee.builder.finish(), isKeyed: isKeyed, to: batch.pointee.partition)
            noteSent(batch)
        } catch let error as ClusterError where error.remedy == .splitBatch && count > 1 {
            try sendOneByOne(batch)
        } catch let error as ClusterError where !error.isKept {
            var reader = RecordBatchReader(batch.pointee.builder.finish())
            try judge(error, partition: batch.pointee.partition, recordCount: count, first: try reader.next())
        }
    }

    private func noteSent(_ batch: BatchPointer) {
        let times = batch.pointee.builder.times
        sent[batch.pointee.partition.topic, default: SentRecords()].add(
            records: batch.pointee.builder.recordCount, bytes: batch.pointee.builder.byteCount, first: times.first,
            latest: times.latest, now: now)
    }

    /// After a batch was refused for its size or for one of its records: sends its records one by one. If an error
    /// allows a retry, the batch keeps the records that were not sent.
    private func sendOneByOne(_ batch: BatchPointer) throws {
        var single = RecordBatchBuilder(capacity: 4 << 10)
        var reader = RecordBatchReader(batch.pointee.builder.finish())
        while let record = try reader.next() {
            single.reset()
            single.producer = producer.stamp(for: batch.pointee.partition)
            try single.append(record)
            do {
                let isKeyed = !single.lacksKey
                try send(single.finish(), isKeyed: isKeyed, to: batch.pointee.partition)
            } catch let error as ClusterError where error.isKept {
                while let unsent = try reader.next() { try single.append(unsent) }
                swap(&batch.pointee.builder, &single)
                throw error
            } catch let error as ClusterError {
                try judge(error, partition: batch.pointee.partition, recordCount: 1, first: record)
            }
        }
    }

    /// Calls the production handler for records that the cluster refused. It is not called for errors that make the
    /// client unusable, nor for changelogs: a store would be wrong after a restore.
    private func judge(
        _ error: ClusterError, partition: TopicPartition?, recordCount: Int, first: RecordView? = nil
    ) throws {
        guard error.remedy == .splitBatch || error.remedy == .skip, let refused = partition ?? error.partition
        else { throw error }
        if let store = changelogStores[refused.topic] {
            throw RuntimeError.changelogRefused(store: store, refused, keyBytes: first?.key?.count ?? 0, error)
        }
        let failure = ProductionFailure(partition: refused, recordCount: recordCount, underlying: error)
        guard case .skip = onFailure(failure) else { throw failure }
        drops[DropKey(node: refused.topic, reason: .production), default: DropTally()].add(
            Int64(recordCount), at: now.wall, dropSamples
        ) { first.map { OriginalRecord($0, of: refused) } }
    }
}

extension RecordBatchBuilder {
    fileprivate mutating func append(_ record: RecordView) throws {
        append(key: record.key, value: record.value, timestamp: record.timestamp, headers: try record.headers())
    }
}

extension ClusterError {
    /// Whether the batch is kept after this error.
    fileprivate var isKept: Bool { remedy == .retry || remedy == .resumeFromCommit }
}

extension Outbox {
    package var originalRecord: OriginalRecord? {
        if let resumed { return resumed }
        guard let queue = processing, let record = queue.head else { return nil }
        return OriginalRecord(record, of: queue.partition)
    }

    /// Copies the record that the task is processing to a dead-letter topic, with headers that say why.
    package func sendDeadLetter(topic: String, failure: any Error, node: String) throws {
        guard let record = originalRecord else { return }
        try sendDeadLetter(topic: topic, record: record, failure: failure, node: node)
    }

    /// Copies a record unchanged, with the headers of KIP-1034 that say why it could not be processed.
    /// - Parameter message: the text of the failure; nil: the error's own.
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
            // Unreadable headers may be the failure itself.
            headers: (try? record.headers()) ?? Headers())
    }
}
