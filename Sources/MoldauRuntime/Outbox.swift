import MoldauCluster
import MoldauRecords
import MoldauTopology

/// Where a stream thread's tasks put what they send: one growing batch per target partition.
///
/// A batch goes to the producer when it is large enough, and with `sendAll`. Names of internal topics get the
/// application's id. Owned by one stream thread.
package final class Outbox: RecordCollector {
    private final class Target {
        let partition: TopicPartition
        /// Behind a pointer: a change of a class's own variable pays an exclusivity check each time.
        let builder: UnsafeMutablePointer<RecordBatchBuilder>
        /// In `filled`.
        var isListed = false

        init(_ partition: TopicPartition) {
            self.partition = partition
            builder = .allocate(capacity: 1)
            builder.initialize(to: RecordBatchBuilder(capacity: 4 << 10))
        }

        deinit {
            builder.deinitialize(count: 1)
            builder.deallocate()
        }
    }

    private struct TopicTargets {
        let name: String
        let targets: [Target]
        var partitioner: Partitioner
    }

    private let names: InternalTopicNames
    private let producer: any Producer
    private let batchBytes: Int
    private let onFailure: @Sendable (ProductionFailure) -> ProductionResponse

    private var topics: [TopicTargets] = []
    private var handles: [String: Int] = [:]
    /// The targets that hold records, in the order in which they got their first.
    private var filled: [Target] = []

    /// The queue whose head is being processed, for dead letters; nil in punctuations.
    ///
    /// Unsafe, so that it costs nothing per record: who sets it is processing the queue, and sets it back before it returns.
    package unowned(unsafe) var processing: PartitionQueue?
    package var resumed: OriginalRecord?
    /// The cluster had no room: batches grow until `sendAll` finds some.
    package private(set) var isHeld = false
    private var heldReason = ""
    /// Records that were not written.
    package private(set) var drops: [DropKey: Int64] = [:]

    package init(names: InternalTopicNames, producer: any Producer, configuration: StreamsConfiguration) {
        self.names = names
        self.producer = producer
        batchBytes = configuration.batchBytes
        onFailure = configuration.onProductionFailure
    }

    package func handle(forTopic name: String) throws -> Int { try handle(ofTopicInCluster: names.topic(name)) }

    package func handle(forChangelogOf store: String) throws -> Int {
        try handle(ofTopicInCluster: names.changelog(ofStore: store))
    }

    private func handle(ofTopicInCluster name: String) throws -> Int {
        if let known = handles[name] { return known }
        let count = try producer.partitionCount(of: name)
        topics.append(
            TopicTargets(
                name: name, targets: (0..<count).map { Target(TopicPartition(name, $0)) },
                partitioner: .keyed(stickyBytes: batchBytes)))
        handles[name] = topics.count - 1
        return topics.count - 1
    }

    package func partitionCount(_ topic: Int) -> Int32 { Int32(topics[topic].targets.count) }

    package func send(
        _ topic: Int, partition: Partition?, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        timestamp: Timestamp, headers: Headers
    ) throws {
        let target = try target(topic, partition, key, byteCount: (key?.count ?? 0) + (value?.count ?? 0))
        if !target.isListed {
            target.isListed = true
            filled.append(target)
        }
        target.builder.pointee.append(key: key, value: value, timestamp: timestamp, headers: headers)
        if target.builder.pointee.byteCount >= batchBytes, !isHeld { _ = try ship(target) }
    }

    private func target(
        _ topic: Int, _ partition: Partition?, _ key: UnsafeRawBufferPointer?, byteCount: Int
    ) throws -> Target {
        let count = topics[topic].targets.count
        if count == 1 && partition == nil { return topics[topic].targets[0] }
        let chosen =
            partition ?? topics[topic].partitioner.partition(key: key, byteCount: byteCount, count: Int32(count))
        guard chosen.number >= 0 && chosen.number < count else {
            throw ClusterError.unknownPartition(
                TopicPartition(topics[topic].name, chosen), partitionCount: Int32(count))
        }
        return topics[topic].targets[Int(chosen.number)]
    }

    /// Hands everything to the producer, in the order in which it was begun.
    /// - Returns: false where the cluster has no room for it; then the rest is kept.
    @discardableResult
    package func sendAll() throws -> Bool {
        var sent = 0
        isHeld = false
        for target in filled {
            if !target.builder.pointee.isEmpty, try !ship(target) { break }
            target.isListed = false
            sent += 1
        }
        filled.removeFirst(sent)
        return !isHeld
    }

    /// Returns when everything is acknowledged. Blocks.
    /// - Throws: `ClusterError.diskFull` where there is no room for it; then the rest is kept.
    package func flush() throws {
        guard try sendAll() else { throw heldError }
        do {
            try producer.flush()
        } catch let error as ClusterError {
            try judge(error, partition: nil, recordCount: 1)
        }
    }

    var heldError: ClusterError { .diskFull(reason: heldReason) }

    /// - Returns: false where the cluster has no room for it; then it is kept.
    private func ship(_ target: Target) throws -> Bool {
        let count = target.builder.pointee.recordCount
        do {
            target.builder.pointee.producer = producer.stamp(for: target.partition)
            try producer.send(target.builder.pointee.finish(), to: target.partition)
        } catch ClusterError.diskFull(let reason) {
            isHeld = true
            heldReason = reason
            return false
        } catch ClusterError.recordTooLarge where count > 1 {
            try sendOneByOne(target)
        } catch let error as ClusterError {
            try judge(error, partition: target.partition, recordCount: count)
        }
        target.builder.pointee.reset()
        return true
    }

    /// A batch was too large for its topic: those of its records that are not go alone.
    private func sendOneByOne(_ target: Target) throws {
        var single = RecordBatchBuilder(capacity: 4 << 10)
        var reader = RecordBatchReader(target.builder.pointee.finish())
        while let record = try reader.next() {
            single.reset()
            single.producer = producer.stamp(for: target.partition)
            single.append(
                key: record.key, value: record.value, timestamp: record.timestamp, headers: try record.headers())
            do {
                try producer.send(single.finish(), to: target.partition)
            } catch let error as ClusterError {
                try judge(error, partition: target.partition, recordCount: 1)
            }
        }
    }

    /// Asks the production handler about records that the cluster refused. What makes the client useless is not its to
    /// decide.
    private func judge(_ error: ClusterError, partition: TopicPartition?, recordCount: Int) throws {
        let refused: TopicPartition
        switch error {
        case .recordTooLarge(let named, _, _), .unknownPartition(let named, _): refused = partition ?? named
        default: throw error
        }
        let failure = ProductionFailure(partition: refused, recordCount: recordCount, underlying: error)
        guard case .skip = onFailure(failure) else { throw failure }
        drops[DropKey(node: refused.topic, reason: .production), default: 0] += Int64(recordCount)
    }
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
    func sendDeadLetter(topic: String, record: OriginalRecord, failure: any Error, node: String) throws {
        var headers = record.headers
        headers.append(Header("__streams.errors.exception", "\(type(of: failure))"))
        headers.append(Header("__streams.errors.message", "\(failure)"))
        headers.append(Header("__streams.errors.topic", record.origin.topic))
        headers.append(Header("__streams.errors.partition", "\(record.origin.partition)"))
        headers.append(Header("__streams.errors.offset", "\(record.origin.offset)"))
        headers.append(Header("__moldau.errors.node", node))
        let handle = try handle(forTopic: topic)
        try (record.key ?? []).withUnsafeBytes { key in
            try (record.value ?? []).withUnsafeBytes { value in
                try send(
                    handle, partition: nil, key: record.key == nil ? nil : key,
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
