import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private let orders = TopicPartition("orders", 0)

private func described(_ broker: Broker<some FileSystem>) throws -> GroupAnswer.Description {
    guard case .success(.describe(let found))? = answer(broker, .describe(group: "app")).all.first else {
        throw WrongAnswer()
    }
    return found
}

struct ResidentTests {
    @Test func `groups are independent, and a group is free again after its application has left`() throws {
        let broker = try openBroker(FailingFileSystem())
        let first = try broker.join("app")
        #expect(throws: BrokerError.groupInUse("app")) { try broker.join("app") }
        _ = try broker.join("other")
        broker.leave(first)
        let second = try broker.join("app")
        // Leaving a second time does not remove another application.
        broker.leave(first)
        #expect(throws: BrokerError.groupInUse("app")) { try broker.join("app") }
        broker.leave(second)
        broker.leave(try broker.join("app"))
        try broker.close()
    }

    @Test func `an application in the process has its group to itself, and clients are refused`() throws {
        let broker = try openBroker(MemoryFileSystem(), durability: .os)
        let residence = try broker.join("app")
        try broker.commit([orders: GroupOffset(offset: Offset(3), metadata: "", time: noon())], of: "app")
        for offered in ["range", "stream"] {
            guard case .success(.join(let joined))? = answer(broker, join(offering: offered)).all.first else {
                throw WrongAnswer()
            }
            #expect(joined.error == .inconsistentGroupProtocol)
        }
        let refused = GroupAnswer.commit([GroupAnswer.Partition(orders, .unknownMemberID)])
        #expect(answer(broker, commit(9)).all == [.success(refused)])
        let member = try #require(try described(broker).members.first)
        let asMember = MemberGeneration(group: "app", generation: 0, memberID: member.memberID)
        #expect(answer(broker, commit(9, asMember)).all == [.success(refused)])
        #expect(answer(broker, .delete(group: "app")).all == [.success(.delete(.nonEmptyGroup))])
        broker.leave(residence)
        #expect(answer(broker, commit(9)).all == [.success(committed)])
        let waiting = answer(broker, join())
        #expect(throws: BrokerError.groupInUse("app")) { try broker.join("app") }
        broker.stopGroups()
        #expect(waiting.all.count == 1)
        try broker.close()
    }

    @Test func `describing the group shows the application's threads with their partitions`() throws {
        let broker = try openBroker(MemoryFileSystem(), durability: .os)
        #expect(broker.note([orders], of: nil, "app-1", in: "app") == nil)
        let residence = try broker.join("app")
        #expect(try described(broker).members.map(\.client.id) == ["app"])
        let first = broker.note([orders, TopicPartition("orders", 2)], of: nil, "app-1", in: "app")
        let second = broker.note([TopicPartition("bills", 1)], of: nil, "app-2", in: "app")
        #expect(broker.note([orders, TopicPartition("bills", 1)], of: second, "app-2", in: "app") == second)
        let found = try described(broker)
        #expect((found.state, found.protocolType, found.protocolName) == ("Stable", "consumer", "stream"))
        #expect(found.members.map(\.client) == ["app-1", "app-2"].map { GroupClient(id: $0, host: "/127.0.0.1") })
        #expect(Set(found.members.map(\.memberID)).count == 2)
        // In the formats of Kafka's consumers: version, topics with their partitions, no user data.
        let null: [UInt8] = [255, 255, 255, 255]
        let topic: [UInt8] = [0, 6] + Array("orders".utf8)
        #expect(found.members[0].metadata == [0, 0, 0, 0, 0, 1] + topic + null)
        let numbers: [UInt8] = [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2]
        #expect(found.members[0].assignment == [0, 0, 0, 0, 0, 1] + topic + numbers + null)
        guard case .success(.list(let listed))? = answer(broker, .list(.init())).all.first else { throw WrongAnswer() }
        #expect(
            listed.map { [$0.group, $0.protocolType, $0.state, $0.type] } == [["app", "consumer", "Stable", "classic"]])
        broker.forget(worker: try #require(first), in: "app")
        #expect(try described(broker).members.map(\.client.id) == ["app-2"])
        broker.leave(residence)
        #expect(try described(broker).state == "Dead")
    }

    @Test func `an application that died with its process does not block the next one`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        _ = try broker.join("app")
        try broker.commit([orders: GroupOffset(offset: Offset(3), metadata: "", time: noon())], of: "app")
        let next = try openBroker(files.copy())
        _ = try next.join("app")
        #expect(next.committedOffsets(of: "app")[orders]?.offset == Offset(3))
    }

    /// The coordinator is recreated from the records, which do not include applications.
    @Test func `an application stays in its group when a write of the group fails`() throws {
        let files = CrashingFileSystem()
        let broker = try openBroker(files, durability: .os)
        _ = answer(broker, commit(1))
        let residence = try broker.join("app")
        let worker = broker.note([orders], of: nil, "app-1", in: "app")
        files.refuseWrites(to: ".log")
        let other = GroupRequest.commit(
            .init(
                MemberGeneration(group: "other", generation: -1, memberID: ""), [CommittedPosition(orders, Offset(1))]))
        guard case .failure? = answer(broker, other).all.first else { throw WrongAnswer() }
        files.refuseWrites(to: nil)
        #expect(try described(broker).members.map(\.client.id) == ["app-1"])
        #expect(broker.note([], of: worker, "app-1", in: "app") == worker)
        broker.leave(residence)
        #expect(answer(broker, commit(2)).all == [.success(committed)])
    }
}
