// What clients see of an application in this process, in Kafka's formats for members of protocol type `consumer`:
//
//     subscription  version i16 = 0 · topics i32 count, each: name string · user data bytes = null
//     assignment    version i16 = 0 · topics i32 count, each: name string · partitions i32 count, each: number i32
//                   · user data bytes = null

internal import MoldauRecords

/// An application in this process, as the member of its group: it is assigned all of the group's partitions.
///
/// It lives as long as the process, so it sends no heartbeats. It is not stored: it ends with the process, and the
/// group is free at once for its successor.
struct Resident: Equatable, Sendable {
    /// One of its threads, which clients see as a member.
    struct Worker: Equatable, Sendable {
        let memberID: String
        let client: String
        var partitions: Set<TopicPartition>
    }

    /// Kafka's clients parse some of the members' fields according to this protocol type.
    static let protocolType = ConsumerSubscription.protocolType
    /// The name of Kafka Streams' assignment protocol. Members that support only others cannot join.
    static let protocolName = "stream"
    private static let host = "/127.0.0.1"

    /// Unique within a coordinator.
    let number: Int
    let memberID: String
    var workers: [Int: Worker] = [:]

    /// The answer to DescribeGroups for the group. Before its threads have started, the application is one member.
    func description(_ group: String) -> GroupAnswer.Description {
        let known = workers.sorted(on: \.key).map(\.value)
        let shown = known.isEmpty ? [Worker(memberID: memberID, client: group, partitions: [])] : known
        return GroupAnswer.Description(
            group: group, state: ClassicGroup.State.stable.rawValue, protocolType: Self.protocolType,
            protocolName: Self.protocolName,
            members: shown.map { worker in
                GroupAnswer.Description.Member(
                    memberID: worker.memberID, instanceID: nil, client: GroupClient(id: worker.client, host: Self.host),
                    metadata: worker.subscription, assignment: worker.assignment)
            })
    }

    func listing(_ group: String) -> GroupAnswer.Listing {
        GroupAnswer.Listing(
            group: group, protocolType: Self.protocolType, state: ClassicGroup.State.stable.rawValue, type: "classic")
    }
}

extension Resident.Worker {
    private var topics: [(name: String, numbers: [Int32])] {
        Dictionary(grouping: partitions, by: \.topic).sorted(on: \.key)
            .map { ($0.key, $0.value.map(\.partition.number).sorted()) }
    }

    fileprivate var subscription: [UInt8] {
        var writer = ByteWriter()
        writer.append(bigEndian: Int16(0))
        writer.append(bigEndian: Int32(topics.count))
        for topic in topics { writer.append(shortText: topic.name) }
        writer.append(bigEndian: Int32(-1))
        return Array(writer.bytes)
    }

    fileprivate var assignment: [UInt8] {
        var writer = ByteWriter()
        writer.append(bigEndian: Int16(0))
        writer.append(bigEndian: Int32(topics.count))
        for topic in topics {
            writer.append(shortText: topic.name)
            writer.append(bigEndian: Int32(topic.numbers.count))
            for number in topic.numbers { writer.append(bigEndian: number) }
        }
        writer.append(bigEndian: Int32(-1))
        return Array(writer.bytes)
    }
}
