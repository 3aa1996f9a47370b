internal import MoldauLog
package import MoldauRecords

extension Broker {
    private static var offsetsTopic: String { "__consumer_offsets" }
    /// Kafka's number. Partitions without records have no directory, so fifty cost nothing.
    private static var offsetsPartitionCount: Int32 { 50 }

    /// Stores a group's offsets; returns when they are as durable as `durability` promises, and everything appended before too.
    package func commit(_ offsets: [TopicPartition: GroupOffset], of group: String) throws(BrokerError) {
        if offsets.isEmpty { return }
        try store(offsets.mapValues { $0 }, of: group)
    }

    /// Where a group stands: every partition that it has committed.
    package func committedOffsets(of group: String) -> [TopicPartition: GroupOffset] {
        groupOffsets.offsets(of: group)
    }

    /// The groups that have committed offsets, by name.
    package func groups() -> [String] { groupOffsets.groups }

    private func store(_ changes: [TopicPartition: GroupOffset?], of group: String) throws(BrokerError) {
        if topic(Self.offsetsTopic) == nil { try createOffsetsTopic() }
        let hash = javaHash(group) & 0x7fff_ffff
        let count = topic(Self.offsetsTopic)?.partitionCount ?? Self.offsetsPartitionCount
        let partition = try partition(TopicPartition(Self.offsetsTopic, hash % count))
        var builder = RecordBatchBuilder(capacity: 4_096)
        var key = ByteWriter()
        var value = ByteWriter()
        let now = clock()
        for (name, offset) in changes.sorted(by: { $0.key < $1.key }) {
            key.removeAll()
            value.removeAll()
            OffsetRecord(group: group, partition: name, offset: offset).encodeKey(&key)
            if let offset { OffsetRecord.encode(offset, &value) }
            builder.append(key: key.bytes, value: offset == nil ? nil : value.bytes, timestamp: now)
        }
        try partition.append(builder.finish())
        try flush()
        groupOffsets.update(group, changes)
    }

    private func createOffsetsTopic() throws(BrokerError) {
        let topic = TopicMetadata(
            name: Self.offsetsTopic, partitionCount: Self.offsetsPartitionCount,
            configuration: ["cleanup.policy": "compact", "segment.bytes": "104857600"])
        do {
            try create([topic])
        } catch .topicExists {
            // Another thread's commit came first.
        }
    }

    func forgetOffsets(inTopic topic: String) throws(BrokerError) {
        for group in groups() {
            let gone = committedOffsets(of: group).filter { $0.key.topic == topic }
            if !gone.isEmpty { try store(gone.mapValues { _ in nil }, of: group) }
        }
    }

    func loadOffsets() throws(BrokerError) {
        guard let topic = topic(Self.offsetsTopic) else { return }
        for number in 0..<topic.partitionCount {
            let partition = try partition(TopicPartition(Self.offsetsTopic, number))
            var position = try partition.bounds().lowerBound
            var cursor: LogCursor?
            while let fetched = try partition.read(from: position, maxBytes: 1 << 20, after: cursor) {
                do throws(RecordBatchError) {
                    try load(fetched.bytes, from: position)
                } catch {
                    throw .log(partition.name, .invalidBatch(error))
                }
                position = fetched.next.offset
                cursor = fetched.next
            }
        }
    }

    private func load(_ bytes: SharedBytes, from: Offset) throws(RecordBatchError) {
        var reader = RecordBatchReader(bytes.bytes, from: from)
        while let record = try reader.next() {
            guard let read = OffsetRecord(key: record.key, value: record.value) else { continue }
            groupOffsets.update(read.group, [read.partition: read.offset])
        }
    }
}
