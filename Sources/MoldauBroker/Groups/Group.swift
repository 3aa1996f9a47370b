internal import MoldauRecords

/// A group: its members and their committed offsets.
struct Group: Equatable, Sendable {
    var classic: ClassicGroup
    /// nil unless the group speaks the consumer protocol; it has no classic members then.
    var consumer: ConsumerGroup?
    /// The application in this process that is its only member; nil if there is none.
    var resident: Resident?
    var offsets = OffsetTable()
    /// The last write of the group: answers about it wait until that is durable. 0 before the first.
    var lastWrite = 0

    init(name: String) { classic = ClassicGroup(name: name) }

    /// Whether the group holds nothing and may be deleted.
    var isNothing: Bool { classic.isNothing && consumer == nil && resident == nil && offsets.isEmpty }

    /// Whether it has no members.
    var isEmpty: Bool { classic.state == .empty && consumer?.members.isEmpty ?? true && resident == nil }

    /// The topics that the members subscribe to; nil if that is unknown.
    var subscribedTopics: Set<String>? {
        if resident != nil { return nil }
        return consumer?.subscribedTopics ?? classic.subscribedTopics
    }

    /// The earliest deadline; nil if there is none.
    var alarm: Duration? { [classic.alarm, consumer?.alarm].compactMap(\.self).min() }

    /// Called when the coordinator was loaded from disk.
    mutating func resume(_ context: GroupContext) {
        classic.resume(context)
        consumer?.resume(context)
    }

    mutating func wake(_ topics: GroupTopics, _ context: GroupContext, _ output: inout GroupOutput) {
        classic.wake(context, &output)
        consumer?.wake(topics, context, &output)
    }

    // MARK: Two protocols

    /// Converts it to a group of the classic protocol, which requires that it has no members.
    mutating func becomeClassic(_ output: inout GroupOutput) throws(GroupError) {
        if resident != nil { throw .inconsistentGroupProtocol }
        guard let consumer else { return }
        guard consumer.members.isEmpty else { throw .inconsistentGroupProtocol }
        consumer.dissolve(&output)
        self.consumer = nil
    }

    mutating func heartbeat(
        _ request: GroupRequest.ConsumerHeartbeat, newID: String, _ topics: GroupTopics,
        _ context: GroupContext, _ output: inout GroupOutput
    ) throws(GroupError) -> GroupAnswer.ConsumerHeartbeat {
        try request.check()
        if consumer == nil {
            guard request.epoch == 0, isEmpty, classic.pending.isEmpty else { throw .groupIDNotFound }
        }
        var group = consumer ?? ConsumerGroup(name: classic.name)
        consumer = nil
        defer { if !group.isNothing { consumer = group } }
        let answer = try group.heartbeat(request, newID: newID, topics, context, &output)
        if classic.stored != nil { output.records.insert(.classicGroup(classic.name, nil), at: 0) }
        classic = ClassicGroup(name: classic.name)
        return answer
    }

    /// Deletes everything that is stored of the group.
    mutating func delete(_ output: inout GroupOutput) throws(GroupError) {
        if isNothing { throw .groupIDNotFound }
        guard isEmpty else { throw .nonEmptyGroup }
        remove(Array(offsets.partitions), &output)
        dissolve(&output)
    }

    /// Deletes everything that is stored of the group except its offsets.
    mutating func dissolve(_ output: inout GroupOutput) {
        if classic.stored != nil { output.records.append(.classicGroup(classic.name, nil)) }
        consumer?.dissolve(&output)
        consumer = nil
        classic = ClassicGroup(name: classic.name)
    }

    var listing: GroupAnswer.Listing {
        resident?.listing(classic.name) ?? consumer?.listing ?? classic.listing
    }

    // MARK: On disk

    /// Applies a record that was written before.
    mutating func replay(_ record: GroupRecord, in producer: Int64?) {
        switch record {
        case .offset(let record):
            if let offset = record.offset {
                offsets.commit(offset, in: record.partition, by: producer)
            } else {
                offsets.remove(record.partition)
            }
        case .classicGroup(let name, let record):
            if let record { classic.replay(record) } else { classic = ClassicGroup(name: name) }
        case .consumer(let name, let record):
            var group = consumer ?? ConsumerGroup(name: name)
            group.replay(record)
            consumer = group.isNothing ? nil : group
        }
    }

    /// All records of the group.
    var snapshot: [GroupRecord] {
        let members = classic.stored.map { [GroupRecord.classicGroup(classic.name, $0)] } ?? []
        return members + (consumer?.snapshot ?? [])
            + offsets.offsets.sorted(on: \.key).map { partition, offset in
                .offset(OffsetRecord(group: classic.name, partition: partition, offset: offset))
            }
    }
}
