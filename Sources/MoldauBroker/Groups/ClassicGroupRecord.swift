// A group of the classic protocol, in the topic `__consumer_offsets`, in Kafka's format:
//
//     key    version i16 = 2 · group string
//     value  version i16 = 3 · protocol type string · generation i32 · protocol string? · leader string? · time of the
//            state i64 · members i32 count, each: member id string · instance id string? · client id string · client
//            host string · rebalance timeout in ms i32 · session timeout in ms i32 · metadata bytes · assignment bytes
//
// A string is its length (i16, −1 for null where marked) and UTF-8; bytes are their length (i32) and content. Version 0
// lacks the rebalance timeout and the time, version 1 the time, versions 0 to 2 the instance id; all can be read, and
// version 4, with lengths and counts as varints and with tagged fields.

internal import MoldauLog
internal import MoldauRecords

/// What is stored of a group of the classic protocol.
package struct ClassicGroupRecord: Equatable, Sendable {
    /// A member, and what it was assigned.
    package struct Member: Equatable, Sendable {
        var id: String
        var instanceID: String?
        var client: GroupClient
        var rebalanceTimeoutMs: Int32
        var sessionTimeoutMs: Int32
        var metadata: [UInt8]
        var assignment: [UInt8]
    }

    var protocolType: String
    /// The last generation that had an assignment, or that lost its last member.
    package var generation: Int32
    var protocolName: String?
    var leader: String?
    var stateTime: Timestamp
    var members: [Member]

    func encode(_ writer: inout ByteWriter) {
        writer.append(bigEndian: Int16(3))
        writer.append(shortText: protocolType)
        writer.append(bigEndian: generation)
        writer.append(nullableShortText: protocolName)
        writer.append(nullableShortText: leader)
        writer.append(bigEndian: stateTime.ms)
        writer.append(bigEndian: Int32(members.count))
        for member in members {
            writer.append(shortText: member.id)
            writer.append(nullableShortText: member.instanceID)
            writer.append(shortText: member.client.id)
            writer.append(shortText: member.client.host)
            writer.append(bigEndian: member.rebalanceTimeoutMs)
            writer.append(bigEndian: member.sessionTimeoutMs)
            writer.append(sized: member.metadata)
            writer.append(sized: member.assignment)
        }
    }

    init(reading value: UnsafeRawBufferPointer) throws(SerdeError) {
        var fields = FieldReader(value, of: "group")
        let version: Int16 = try fields.number()
        guard (0...4).contains(version) else { throw fields.malformed("its version is \(version)") }
        let isFlexible = version >= 4
        protocolType = try fields.nullableText(isFlexible: isFlexible) ?? ""
        generation = try fields.number()
        protocolName = try fields.nullableText(isFlexible: isFlexible)
        leader = try fields.nullableText(isFlexible: isFlexible)
        stateTime = version >= 2 ? Timestamp(ms: try fields.number()) : .none
        members = []
        for _ in 0..<(try fields.count(isFlexible: isFlexible)) {
            members.append(try Member(&fields, version: version))
        }
    }

    init(
        protocolType: String, generation: Int32, protocolName: String?, leader: String?, stateTime: Timestamp,
        members: [Member]
    ) {
        self.protocolType = protocolType
        self.generation = generation
        self.protocolName = protocolName
        self.leader = leader
        self.stateTime = stateTime
        self.members = members
    }
}

extension ClassicGroupRecord.Member {
    fileprivate init(_ fields: inout FieldReader, version: Int16) throws(SerdeError) {
        let isFlexible = version >= 4
        id = try fields.nullableText(isFlexible: isFlexible) ?? ""
        instanceID = version >= 3 ? try fields.nullableText(isFlexible: isFlexible) : nil
        client = GroupClient(
            id: try fields.nullableText(isFlexible: isFlexible) ?? "",
            host: try fields.nullableText(isFlexible: isFlexible) ?? "")
        let rebalanceTimeout: Int32? = version >= 1 ? try fields.number() : nil
        sessionTimeoutMs = try fields.number()
        rebalanceTimeoutMs = rebalanceTimeout ?? sessionTimeoutMs
        metadata = try fields.sizedBytes(isFlexible: isFlexible)
        assignment = try fields.sizedBytes(isFlexible: isFlexible)
        if isFlexible { try fields.skipTaggedFields() }
    }
}

// MARK: A group's record

extension ClassicGroup {
    /// The record of the group's current state.
    var record: ClassicGroupRecord {
        ClassicGroupRecord(
            protocolType: protocolType ?? "", generation: generation, protocolName: protocolName, leader: leader,
            stateTime: stateTime,
            members: seated.map { member in
                ClassicGroupRecord.Member(
                    id: member.id, instanceID: member.instanceID, client: member.client,
                    rebalanceTimeoutMs: member.rebalanceTimeoutMs, sessionTimeoutMs: member.sessionTimeoutMs,
                    metadata: member.metadata(protocolName), assignment: member.assignment)
            })
    }

    /// The group as stored in a record.
    init(name: String, _ record: ClassicGroupRecord) {
        self.init(name: name)
        state = record.members.isEmpty ? .empty : .stable
        stateTime = record.stateTime
        generation = record.generation
        protocolType = record.protocolType.isEmpty ? nil : record.protocolType
        protocolName = record.protocolName
        leader = record.leader
        for member in record.members {
            members[member.id] = ClassicMember(
                id: member.id, instanceID: member.instanceID, client: member.client,
                sessionTimeoutMs: member.sessionTimeoutMs, rebalanceTimeoutMs: member.rebalanceTimeoutMs,
                protocols: [GroupProtocol(record.protocolName ?? "", member.metadata)], assignment: member.assignment,
                seat: nextSeat())
            if let instance = member.instanceID { staticMembers[instance] = member.id }
        }
    }
}
