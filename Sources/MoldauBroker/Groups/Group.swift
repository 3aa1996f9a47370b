internal import MoldauRecords

/// A group: its members, and what they have committed.
struct Group: Equatable, Sendable {
    var classic: ClassicGroup
    var offsets = OffsetTable()
    /// The last write of the group: answers about it wait until that is durable. 0 before the first.
    var lastWrite = 0

    init(name: String) { classic = ClassicGroup(name: name) }

    /// Whether it is as a group that does not exist.
    var isNothing: Bool { classic.isNothing && offsets.isEmpty }

    /// Whether it has no members.
    var isEmpty: Bool { classic.state == .empty }

    /// The topics that the members want; nil if that is unknown.
    var subscribedTopics: Set<String>? { classic.subscribedTopics }

    /// When to look for what is due.
    var alarm: Duration? { classic.alarm }

    /// Removes what is kept of the group.
    mutating func delete(_ output: inout GroupOutput) throws(GroupError) {
        if isNothing { throw .groupIDNotFound }
        guard isEmpty else { throw .nonEmptyGroup }
        remove(Array(offsets.partitions), &output)
        dissolve(&output)
    }

    /// Removes what is kept of the group beside its offsets.
    mutating func dissolve(_ output: inout GroupOutput) {
        if classic.stored != nil { output.records.append(.classicGroup(classic.name, nil)) }
        classic = ClassicGroup(name: classic.name)
    }

    // MARK: On disk

    /// Takes a record that was written before.
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
        }
    }

    /// All that is kept of the group.
    var snapshot: [GroupRecord] {
        let members = classic.stored.map { [GroupRecord.classicGroup(classic.name, $0)] } ?? []
        return members
            + offsets.offsets.sorted { $0.key < $1.key }.map { partition, offset in
                .offset(OffsetRecord(group: classic.name, partition: partition, offset: offset))
            }
    }
}
