internal import MoldauLog
package import MoldauRecords

extension Broker {
    static var offsetsTopic: String { "__consumer_offsets" }
    /// Kafka's default. Partitions without records have no directory, so fifty cost nothing.
    static var offsetsPartitionCount: Int32 { 50 }
    private static var segmentBytes: Int { 4 << 20 }
    /// After this many bytes of commits, the size of a segment, a snapshot of all its offsets is written to a
    /// partition, and everything before it is deleted.
    private var snapshotIntervalBytes: Int {
        topic(Self.offsetsTopic)?.configuration["segment.bytes"].flatMap(Int.init) ?? Self.segmentBytes
    }
    private static var snapshotBatchRecords: Int { 1_000 }

    /// Stores a group's offsets. Returns when they, and everything appended before, are as durable as `durability`
    /// promises.
    /// - Throws: `BrokerError.invalidCommit` for metadata over 4 096 bytes, or a group's name over 32 767.
    package func commit(_ offsets: [TopicPartition: GroupOffset], of group: String) throws(BrokerError) {
        if offsets.isEmpty { return }
        try checkStorable(offsets, of: group)
        try store(offsets.mapValues { $0 }, of: group)
    }

    /// Refuses, before anything is written, what does not fit into a record.
    func checkStorable(_ offsets: [TopicPartition: GroupOffset], of group: String) throws(BrokerError) {
        guard group.utf8.count <= Int(Int16.max) else {
            throw .invalidCommit(reason: "a group's name takes at most 32767 bytes")
        }
        for (name, offset) in offsets {
            if offset.metadata.utf8.count > 4_096 {
                throw .invalidCommit(
                    reason:
                        "the metadata of \(name)'s offset is \(offset.metadata.utf8.count) bytes; at most 4096 are kept"
                )
            }
            if let objection = TopicName.objection(to: name.topic) {
                throw .invalidCommit(reason: "'\(name.topic.prefix(250))' is no topic's name: \(objection)")
            }
        }
    }

    /// Checks whether a group's positions are known.
    /// - Throws: `BrokerError.unreadable` if its records are damaged: then `committedOffsets` is not to be trusted.
    package func checkReadable(group: String) throws(BrokerError) {
        let number = offsetsPartition(of: group)
        if let cause = groupOffsets.damage(of: number) {
            throw .unreadable(holder: "the group '\(group)'", TopicPartition(Self.offsetsTopic, number), cause)
        }
    }

    /// A group's committed positions in all partitions.
    package func committedOffsets(of group: String) -> [TopicPartition: GroupOffset] {
        groupOffsets.offsets(of: group)
    }

    /// The groups that have committed offsets, by name.
    package func groups() -> [String] { groupOffsets.groups }

    /// The partition of the offsets topic for a group; creates the topic if it does not exist.
    func partitionForOffsets(of group: String) throws(BrokerError) -> Int32 {
        if topic(Self.offsetsTopic) == nil { try createOffsetsTopic() }
        try checkReadable(group: group)
        return offsetsPartition(of: group)
    }

    private func store(_ changes: [TopicPartition: GroupOffset?], of group: String) throws(BrokerError) {
        let number = try partitionForOffsets(of: group)
        let partition = try partition(TopicPartition(Self.offsetsTopic, number))
        let records = changes.sorted { $0.key < $1.key }
            .map { OffsetRecord(group: group, partition: $0.key, offset: $0.value) }
        try groupOffsets.inOrder(number) { written throws(BrokerError) in
            written += try append(records[...], to: partition)
            groupOffsets.update(group, changes)
            // A snapshot would lose offsets that belong to an open transaction.
            if written >= snapshotIntervalBytes, try partition.openTransactions().isEmpty {
                try writeSnapshot(number, partition)
                written = 0
            }
        }
        try flush()
    }

    func offsetsPartition(of group: String) -> Int32 {
        coordinatorPartition(
            of: group, among: topic(Self.offsetsTopic)?.partitionCount ?? Self.offsetsPartitionCount)
    }

    func append(
        _ records: ArraySlice<OffsetRecord>, to partition: BrokerPartition<Files>, by producer: ProducerStamp = .none
    ) throws(BrokerError) -> Int {
        var builder = RecordBatchBuilder(capacity: 4_096)
        builder.producer = producer
        var key = ByteWriter()
        var value = ByteWriter()
        let now = clock()
        for record in records {
            key.removeAll()
            value.removeAll()
            record.encodeKey(&key)
            if let offset = record.offset { OffsetRecord.encode(offset, &value) }
            builder.append(key: key.bytes, value: record.offset == nil ? nil : value.bytes, timestamp: now)
        }
        let batch = builder.finish()
        try partition.appendOwn(batch)
        return batch.count
    }

    /// Appends all offsets in one partition of the offsets topic, durably, and allows the records before them to be
    /// deleted.
    private func writeSnapshot(_ number: Int32, _ partition: BrokerPartition<Files>) throws(BrokerError) {
        let begin = try partition.bounds().upperBound
        var records: [OffsetRecord] = []
        for group in groups() where offsetsPartition(of: group) == number {
            for (name, offset) in committedOffsets(of: group).sorted(by: { $0.key < $1.key }) {
                records.append(OffsetRecord(group: group, partition: name, offset: offset))
            }
        }
        var rest = records[...]
        #if SABOTAGE
            if files.sabotage.contains(.snapshotForgetsLast) { rest = rest.dropLast() }
        #endif
        while !rest.isEmpty {
            _ = try append(rest.prefix(Self.snapshotBatchRecords), to: partition)
            rest = rest.dropFirst(Self.snapshotBatchRecords)
        }
        try syncNow()
        try partition.deleteRecords(before: begin)
    }

    private func createOffsetsTopic() throws(BrokerError) {
        let topic = TopicMetadata(
            name: Self.offsetsTopic, partitionCount: Self.offsetsPartitionCount,
            configuration: ["cleanup.policy": "compact", "segment.bytes": String(Self.segmentBytes)])
        do {
            try create([topic])
        } catch .topicExists {
            // Another thread created the topic first.
        }
    }

    func forgetOffsets(inTopic topic: String) throws(BrokerError) {
        for group in groups() {
            let gone = committedOffsets(of: group).filter { $0.key.topic == topic }
            if !gone.isEmpty { try store(gone.mapValues { _ in nil }, of: group) }
        }
    }

    /// Loads all offsets, and moves those that are not in the partition where Kafka looks for them.
    func loadOffsets() throws(BrokerError) {
        guard let topic = topic(Self.offsetsTopic) else { return }
        var misplaced: [(record: OffsetRecord, partition: Int32)] = []
        for number in 0..<topic.partitionCount {
            let partition = try partition(TopicPartition(Self.offsetsTopic, number))
            let read: CommittedOffsets
            do throws(BrokerError) {
                read = try committedOffsets(in: partition)
            } catch {
                // Only this partition's groups lose their positions; their calls get an error.
                guard case .log(_, let cause) = error, cause.isDamage else { throw error }
                groupOffsets.markUnreadable(number, cause)
                continue
            }
            update(with: read, of: number)
            for (group, offsets) in read.offsets where offsetsPartition(of: group) != number {
                for (name, offset) in offsets where offset != nil {
                    misplaced.append((OffsetRecord(group: group, partition: name, offset: offset), number))
                }
            }
            try groupOffsets.inOrder(number) { written throws(BrokerError) in written = read.byteCount }
        }
        try rehome(misplaced)
    }

    /// Records in the wrong partition do not count.
    private func update(with read: CommittedOffsets, of number: Int32) {
        for (group, offsets) in read.offsets where offsetsPartition(of: group) == number {
            groupOffsets.update(group, offsets)
        }
    }

    /// After a crash that lost records which were acknowledged but not synced: moves positions beyond the remaining
    /// records to their end. Other records will get those offsets, and they must be read.
    func limitOffsets() throws(BrokerError) {
        #if SABOTAGE
            if files.sabotage.contains(.positionsBehindEndKept) { return }
        #endif
        for group in groups() {
            var limited: [TopicPartition: GroupOffset?] = [:]
            for (name, var offset) in committedOffsets(of: group) {
                guard let end = try? end(ofKeptRecordsIn: name), end < offset.offset else { continue }
                offset.offset = end
                limited[name] = offset
            }
            if !limited.isEmpty { try store(limited, of: group) }
        }
    }

    private func end(ofKeptRecordsIn name: TopicPartition) throws(BrokerError) -> Offset {
        let partition = try partition(name)
        // With `.sync` everything decided stays; undecided records may have been read by readers that accept those.
        return durability == .sync ? try partition.endOffset() : try partition.bounds().upperBound
    }

    /// Loads the committed offsets in a partition of the offsets topic.
    func loadOffsets(of partition: BrokerPartition<Files>) throws(BrokerError) {
        update(with: try committedOffsets(in: partition), of: partition.name.partition.number)
    }

    /// The committed offsets in a partition of the offsets topic. Offsets in a transaction count from its marker on, so
    /// an undecided transaction does not hide offsets that others committed after it.
    private func committedOffsets(in partition: BrokerPartition<Files>) throws(BrokerError) -> CommittedOffsets {
        #if SABOTAGE
            let isHiding = files.sabotage.contains(.offsetsHiddenByUndecided)
            let end = isHiding ? try partition.bounds().upperBound : Offset(.max)
        #endif
        var undecided: [Int64: [OffsetRecord]] = [:]
        var committed = CommittedOffsets()
        committed.byteCount = try partition.forEachBatch { header, batch, reader throws(RecordBatchError) in
            #if SABOTAGE
                guard header.baseOffset < end else { return }
            #endif
            let producer = header.producer
            if header.isControl {
                let decided = undecided.removeValue(forKey: producer.id) ?? []
                guard let marker = TransactionMarker(batch: batch), marker.isCommit else { return }
                for read in decided { committed.add(read) }
            }
            while let record = try reader.next() {
                guard let read = OffsetRecord(key: record.key, value: record.value) else { continue }
                if producer.isTransactional {
                    undecided[producer.id, default: []].append(read)
                } else {
                    committed.add(read)
                }
            }
        }
        return committed
    }
}

/// The content of a partition of the offsets topic.
private struct CommittedOffsets {
    /// By group; nil for deleted offsets.
    var offsets: [String: [TopicPartition: GroupOffset?]] = [:]
    var byteCount = 0

    mutating func add(_ record: OffsetRecord) {
        offsets[record.group, default: [:]][record.partition] = .some(record.offset)
    }
}
