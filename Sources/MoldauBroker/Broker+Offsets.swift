internal import MoldauLog
package import MoldauRecords

extension Broker {
    static var offsetsTopic: String { "__consumer_offsets" }
    /// Kafka's default. Partitions without records have no directory, so fifty cost nothing.
    static var offsetsPartitionCount: Int32 { 50 }
    private static var segmentBytes: Int { 4 << 20 }
    /// After this many bytes of commits, the size of a segment, a snapshot of all its offsets is written to a
    /// partition, and everything before it is deleted.
    var snapshotIntervalBytes: Int {
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
            throw .invalidCommit(reason: "a group's name has at most 32767 bytes")
        }
        for (name, offset) in offsets {
            if offset.metadata.utf8.count > 4_096 {
                throw .invalidCommit(
                    reason:
                        "the metadata of \(name)'s offset is \(offset.metadata.utf8.count) bytes; at most 4096 are kept"
                )
            }
            if let objection = TopicName.objection(to: name.topic) {
                throw .invalidCommit(reason: "'\(name.topic.prefix(250))' is not a topic's name: \(objection)")
            }
        }
    }

    /// Checks whether a group's positions are known.
    /// - Throws: `BrokerError.unreadable` if its records are damaged: then `committedOffsets` is not to be trusted.
    package func checkReadable(group: String) throws(BrokerError) {
        let number = offsetsPartition(of: group)
        if let cause = groups.damage(of: number) {
            throw .unreadable(holder: "the group '\(group)'", TopicPartition(Self.offsetsTopic, number), cause)
        }
    }

    /// A group's committed positions in all partitions.
    package func committedOffsets(of group: String) -> [TopicPartition: GroupOffset] {
        groups.inOrder { $0.coordinator.offsets(of: group) }
    }

    /// The groups that have committed offsets, by name.
    package func groupsWithOffsets() -> [String] { groups.inOrder { $0.coordinator.namesWithOffsets } }

    /// All groups, by name, and whether they have members.
    package func groupNames() -> [(name: String, hasMembers: Bool)] {
        groups.inOrder { state in state.coordinator.names.map { ($0, state.coordinator.hasMembers($0)) } }
    }

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
            .map { GroupRecord.offset(OffsetRecord(group: group, partition: $0.key, offset: $0.value)) }
        let write = try groups.inOrder { state throws(BrokerError) in
            try prepare(&state)
            state.written[number, default: 0] += try append(records[...], to: partition)
            for record in records { state.coordinator.replay(record) }
            let write = state.coordinator.noteWrite(of: group)
            try writeSnapshotIfDue(number, partition, &state)
            return write
        }
        try flush()
        groups.inOrder { $0.durableWrite = max($0.durableWrite, write) }
    }

    func offsetsPartition(of group: String) -> Int32 {
        coordinatorPartition(
            of: group, among: topic(Self.offsetsTopic)?.partitionCount ?? Self.offsetsPartitionCount)
    }

    func append(
        _ records: ArraySlice<GroupRecord>, to partition: BrokerPartition<Files>, by producer: ProducerStamp = .none
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
            let hasValue = record.encodeValue(&value)
            builder.append(key: key.bytes, value: hasValue ? value.bytes : nil, timestamp: now)
        }
        let batch = builder.finish()
        try partition.appendOwn(batch)
        return batch.count
    }

    func writeSnapshotIfDue(
        _ number: Int32, _ partition: BrokerPartition<Files>, _ state: inout Groups.State
    ) throws(BrokerError) {
        // A snapshot would lose offsets that belong to an open transaction.
        guard state.written[number, default: 0] >= snapshotIntervalBytes, try partition.openTransactions().isEmpty
        else { return }
        try writeSnapshot(state.coordinator.snapshot(of: number), partition)
        state.written[number] = 0
    }

    /// Appends everything that is retained of the groups in one partition of the offsets topic, durably, and allows the
    /// records before that to be deleted.
    private func writeSnapshot(
        _ records: [GroupRecord], _ partition: BrokerPartition<Files>
    ) throws(BrokerError) {
        let begin = try partition.bounds().upperBound
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

    func createOffsetsTopic() throws(BrokerError) {
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
        for group in groupsWithOffsets() {
            let gone = committedOffsets(of: group).filter { $0.key.topic == topic }
            if !gone.isEmpty { try store(gone.mapValues { _ in nil }, of: group) }
        }
    }

    /// Loads all groups, and moves the offsets that are not in the partition where Kafka looks for them.
    func loadOffsets() throws(BrokerError) {
        guard let topic = topic(Self.offsetsTopic) else { return }
        try groups.inOrder { state throws(BrokerError) in try prepare(&state) }
        var misplaced: [(record: OffsetRecord, partition: Int32)] = []
        for number in 0..<topic.partitionCount {
            let partition = try partition(TopicPartition(Self.offsetsTopic, number))
            do throws(BrokerError) {
                let strays = try groups.inOrder { state throws(BrokerError) in
                    let found = try read(partition, like: state.coordinator)
                    state.coordinator.adopt(found.placed)
                    state.written[number] = found.byteCount
                    return found.misplaced
                }
                for group in strays.namesWithOffsets {
                    for (name, offset) in strays.offsets(of: group) {
                        misplaced.append((OffsetRecord(group: group, partition: name, offset: offset), number))
                    }
                }
            } catch {
                // Only this partition's groups lose their positions; their calls get an error.
                guard case .log(_, let cause) = error, cause.isDamage else { throw error }
                groups.markUnreadable(number, cause)
            }
        }
        try rehome(misplaced)
        groups.inOrder { state in
            state.coordinator.endReplay(at: GroupMoment(uptime: uptime(), time: clock()))
        }
    }

    /// After a crash that lost records which were acknowledged but not synced: moves positions beyond the remaining
    /// records to their end. Other records will get those offsets, and they must be read.
    func limitOffsets() throws(BrokerError) {
        #if SABOTAGE
            if files.sabotage.contains(.positionsBehindEndKept) { return }
        #endif
        for group in groupsWithOffsets() {
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
}
