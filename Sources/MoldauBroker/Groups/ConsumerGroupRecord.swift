// A group of the consumer protocol, in the topic `__consumer_offsets`, in Kafka's formats. A key is its kind i16, the
// group string and, for kinds 5, 7 and 8, the member id string, with lengths i16. The values begin with the version
// i16 = 0, are flexible (lengths and counts plus one as varints, 0 for null), and each structure ends with its tagged
// fields:
//
//     3  epoch i32
//     4  topics, each: id uuid · name · partitions i32 · racks of partitions, each: partition i32 · racks
//     5  instance id? · rack id? · client id · client host · topic names · topic pattern? · rebalance timeout in ms
//        i32 · assignor?
//     6  epoch of the target i32
//     7  target: topics, each: id uuid · partitions i32
//     8  epoch i32 · epoch before i32 · state i8 · assigned as in 7 · to be given up as in 7

internal import MoldauRecords

/// A part of what is stored of a group of the consumer protocol; nil: deleted.
package enum ConsumerGroupRecord: Equatable, Sendable {
    case epoch(Int32?)
    case topics([GroupTopic]?)
    case member(String, Member?)
    case targetEpoch(Int32?)
    case target(member: String, Set<GroupPartition>?)
    case current(String, Current?)

    /// A member's identity and subscription.
    package struct Member: Equatable, Sendable {
        var instanceID: String?
        var rackID: String?
        var client: GroupClient
        var topics: Set<String>
        var pattern: String?
        var rebalanceTimeoutMs: Int32
        var assignor: String?
    }

    /// A member's current assignment.
    package struct Current: Equatable, Sendable {
        var epoch: Int32
        var previousEpoch: Int32
        var state: ConsumerMember.State
        var assigned: Set<GroupPartition>
        var revoked: Set<GroupPartition>
    }

    static let kinds: ClosedRange<Int16> = 3...8

    var kind: Int16 {
        switch self {
        case .epoch: 3
        case .topics: 4
        case .member: 5
        case .targetEpoch: 6
        case .target: 7
        case .current: 8
        }
    }

    var memberID: String? {
        switch self {
        case .epoch, .topics, .targetEpoch: nil
        case .member(let id, _), .target(let id, _), .current(let id, _): id
        }
    }

    static func member(_ id: String, _ member: ConsumerMember) -> Self {
        .member(
            id,
            Member(
                instanceID: member.instanceID, rackID: member.rackID, client: member.client, topics: member.topics,
                pattern: member.pattern, rebalanceTimeoutMs: member.rebalanceTimeoutMs, assignor: member.assignor))
    }

    static func current(_ id: String, _ member: ConsumerMember) -> Self {
        .current(
            id,
            Current(
                epoch: member.epoch, previousEpoch: member.previousEpoch, state: member.state,
                assigned: member.assigned, revoked: member.revoked))
    }

    // MARK: Writing

    /// - Returns: whether there is a value.
    func encode(_ writer: inout ByteWriter) -> Bool {
        writer.append(bigEndian: Int16(0))
        switch self {
        case .epoch(nil), .topics(nil), .member(_, nil), .targetEpoch(nil), .target(_, nil), .current(_, nil):
            return false
        case .epoch(let epoch?), .targetEpoch(let epoch?): writer.append(bigEndian: epoch)
        case .topics(let topics?):
            writer.append(unsignedVarint: UInt64(topics.count + 1))
            for topic in topics {
                writer.append(topic.id)
                writer.append(compactText: topic.name)
                writer.append(bigEndian: topic.partitionCount)
                writer.append(unsignedVarint: 1)
                writer.append(byte: 0)
            }
        case .member(_, let member?): writer.append(member)
        case .target(_, let partitions?): writer.append(partitions)
        case .current(_, let current?):
            writer.append(bigEndian: current.epoch)
            writer.append(bigEndian: current.previousEpoch)
            writer.append(bigEndian: current.state.rawValue)
            writer.append(current.assigned)
            writer.append(current.revoked)
        }
        writer.append(byte: 0)
        return true
    }

    // MARK: Reading

    init(kind: Int16, _ memberID: String, _ value: UnsafeRawBufferPointer?) throws(SerdeError) {
        var fields = FieldReader(value ?? UnsafeRawBufferPointer(start: nil, count: 0), of: "group of consumers")
        let isThere = value != nil
        if isThere {
            let version: Int16 = try fields.number()
            guard version == 0 else { throw fields.malformed("its version is \(version)") }
        }
        switch kind {
        case 3: self = .epoch(isThere ? try fields.number() : nil)
        case 4: self = .topics(isThere ? try fields.topics() : nil)
        case 5: self = .member(memberID, isThere ? try fields.member() : nil)
        case 6: self = .targetEpoch(isThere ? try fields.number() : nil)
        case 7: self = .target(member: memberID, isThere ? try fields.partitions() : nil)
        case 8: self = .current(memberID, isThere ? try fields.current() : nil)
        default: throw fields.malformed("its kind is \(kind)")
        }
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ id: TopicID) {
        append(bigEndian: id.high)
        append(bigEndian: id.low)
    }

    fileprivate mutating func append(_ partitions: Set<GroupPartition>) {
        let topics = Dictionary(grouping: partitions.sorted(), by: \.topic).sorted(on: \.key)
        append(unsignedVarint: UInt64(topics.count + 1))
        for (topic, partitions) in topics {
            append(topic)
            append(unsignedVarint: UInt64(partitions.count + 1))
            for partition in partitions { append(bigEndian: partition.number) }
            append(byte: 0)
        }
    }

    fileprivate mutating func append(_ member: ConsumerGroupRecord.Member) {
        append(compactText: member.instanceID)
        append(compactText: member.rackID)
        append(compactText: member.client.id)
        append(compactText: member.client.host)
        append(unsignedVarint: UInt64(member.topics.count + 1))
        for topic in member.topics.sorted() { append(compactText: topic) }
        append(compactText: member.pattern)
        append(bigEndian: member.rebalanceTimeoutMs)
        append(compactText: member.assignor)
    }
}

extension FieldReader {
    private mutating func topicID() throws(SerdeError) -> TopicID {
        TopicID(high: try number(), low: try number())
    }

    fileprivate mutating func topics() throws(SerdeError) -> [GroupTopic] {
        var topics: [GroupTopic] = []
        for _ in 0..<(try count(isFlexible: true)) {
            let (id, name) = (try topicID(), try compactText())
            topics.append(GroupTopic(name: name, id: id, partitionCount: try number()))
            for _ in 0..<(try count(isFlexible: true)) {
                _ = try number(Int32.self)
                for _ in 0..<(try count(isFlexible: true)) { _ = try compactText() }
                try skipTaggedFields()
            }
            try skipTaggedFields()
        }
        return topics
    }

    fileprivate mutating func member() throws(SerdeError) -> ConsumerGroupRecord.Member {
        let (instance, rack) = (try nullableCompactText(), try nullableCompactText())
        let client = GroupClient(id: try compactText(), host: try compactText())
        var topics: Set<String> = []
        for _ in 0..<(try count(isFlexible: true)) { topics.insert(try compactText()) }
        let pattern = try nullableCompactText()
        return ConsumerGroupRecord.Member(
            instanceID: instance, rackID: rack, client: client, topics: topics,
            pattern: pattern?.isEmpty == false ? pattern : nil, rebalanceTimeoutMs: try number(),
            assignor: try nullableCompactText())
    }

    fileprivate mutating func partitions() throws(SerdeError) -> Set<GroupPartition> {
        var partitions: Set<GroupPartition> = []
        for _ in 0..<(try count(isFlexible: true)) {
            let topic = try topicID()
            for _ in 0..<(try count(isFlexible: true)) { partitions.insert(GroupPartition(topic, try number())) }
            try skipTaggedFields()
        }
        return partitions
    }

    fileprivate mutating func current() throws(SerdeError) -> ConsumerGroupRecord.Current {
        let (epoch, previous): (Int32, Int32) = (try number(), try number())
        guard let state = ConsumerMember.State(rawValue: try number()) else {
            throw malformed("a member's state is unknown")
        }
        return ConsumerGroupRecord.Current(
            epoch: epoch, previousEpoch: previous, state: state, assigned: try partitions(),
            revoked: try partitions())
    }
}

// MARK: A group's records

extension ConsumerGroup {
    mutating func replay(_ record: ConsumerGroupRecord) {
        switch record {
        case .epoch(let epoch): self.epoch = epoch ?? 0
        case .topics(let topics):
            self.topics = Dictionary((topics ?? []).map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        case .member(let id, nil): set(nil, id)
        case .member(let id, let read?):
            var member = members[id] ?? ConsumerMember(id: id)
            (member.instanceID, member.rackID, member.client) = (read.instanceID, read.rackID, read.client)
            (member.topics, member.pattern, member.assignor) = (read.topics, read.pattern, read.assignor)
            member.rebalanceTimeoutMs = read.rebalanceTimeoutMs
            set(member, id)
        case .targetEpoch(let epoch): targetEpoch = epoch ?? 0
        case .target(let id, let partitions): target[id] = partitions
        case .current(let id, let read):
            guard var member = members[id] else { return }
            (member.epoch, member.previousEpoch) = (read?.epoch ?? 0, read?.previousEpoch ?? 0)
            (member.assigned, member.revoked) = (read?.assigned ?? [], read?.revoked ?? [])
            member.state = read?.state ?? .stable
            set(member, id)
        }
    }

    /// All records of the group.
    var snapshot: [GroupRecord] {
        if isNothing { return [] }
        let members = members.values.sorted(on: \.id)
        var parts: [ConsumerGroupRecord] = [.epoch(epoch), .topics(topics.values.sorted(on: \.name))]
        parts += members.map { .member($0.id, $0) }
        parts += target.sorted(on: \.key).map { .target(member: $0.key, $0.value) }
        parts += [.targetEpoch(targetEpoch)] + members.map { .current($0.id, $0) }
        return parts.map { .consumer(name, $0) }
    }
}
