// What consumers and the leader of their group exchange inside JoinGroup and SyncGroup, versions 0 to 3. The
// broker passes it on unread; tools that describe groups read it.
//
//     version i16 · the fields of that version, never flexible
//
//     1     subscription: `ownedPartitions`
//     2     subscription: `generationId`
//     3     subscription: `rackId`
//
// A newer version may only add fields behind these: it is read as version 3, and the rest is ignored.

import MoldauRecords

/// Bytes of the consumer protocol: a version, then fields.
package protocol ConsumerProtocolData: WireFields {}

extension ConsumerProtocolData {
    /// Decodes the bytes.
    /// - Returns: what they hold, and the version that they are in.
    /// - Throws: `SerdeError.malformed`.
    package static func decode(_ bytes: WireBytes) throws(SerdeError) -> (data: Self, version: Int16) {
        var reader = FieldReader(bytes.bytes, of: "consumer protocol")
        let version = try reader.number(Int16.self)
        guard version >= 0 else { throw reader.malformed("its version is \(version)") }
        var wire = WireCodec(version: min(version, 3), isFlexible: false, bytes.view(of: reader.rest), 64 << 20)
        var data = Self()
        try wire.message(&data)
        return (data, version)
    }

    /// Appends the bytes.
    /// - Throws: `SerdeError.malformed` if a text or a list is too long for its field; the writer then holds what it
    ///   held before.
    package func encode(into writer: inout ByteWriter, version: Int16) throws(SerdeError) {
        let start = writer.count
        writer.append(bigEndian: version)
        do {
            try withUnsafeMutablePointer(to: &writer) { writer throws(SerdeError) in
                var wire = WireCodec(version: version, isFlexible: false, writer: writer)
                var data = self
                try wire.message(&data)
            }
        } catch {
            writer.truncate(to: start)
            throw error
        }
    }
}

/// What a member subscribes to, and what it owns.
package struct ConsumerSubscription: ConsumerProtocolData {
    package var topics: [String] = []
    package var userData: WireBytes?
    package var ownedPartitions: [TopicPartitions] = []
    package var generationID: Int32 = -1
    package var rackID: String?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics)
        try wire("userData", &userData)
        try wire("ownedPartitions", &ownedPartitions, since: 1)
        try wire("generationId", &generationID, since: 2)
        try wire("rackId", &rackID, since: 3)
    }

    /// Partitions of one topic.
    package struct TopicPartitions: WireFields {
        package var topic = ""
        package var partitions: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic)
            try wire("partitions", &partitions)
        }
    }
}

/// A member's assignment.
package struct ConsumerAssignment: ConsumerProtocolData {
    package var assignedPartitions: [ConsumerSubscription.TopicPartitions] = []
    package var userData: WireBytes?

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("assignedPartitions", &assignedPartitions)
        try wire("userData", &userData)
    }
}
