import MoldauBroker
import MoldauRecords
import Testing

private let orders = TopicPartition("orders", 0)
private let more = TopicPartition("orders", 1)
private let producer = ProducerIdentity(id: 7, epoch: 2)

private func at(_ offset: Int64, _ partition: TopicPartition = orders, _ metadata: String = "") -> CommittedPosition {
    CommittedPosition(partition, Offset(offset), leaderEpoch: 3, metadata: metadata)
}

struct CommittedOffsetTests {
    @Test func `a client that is not a member can commit only to a group without members`() throws {
        let fixture = GroupFixture()
        #expect(fixture.commit([at(5)]) == [.none])
        #expect(fixture.fetch() == ["orders-0 5"])
        #expect(fixture.fetch([more, orders]) == ["orders-1 none", "orders-0 5"])
        #expect(fixture.fetch([orders], group: "other") == ["orders-0 none"])
        #expect(fixture.commit([at(6)], memberID: "stranger", generation: 1) == [.unknownMemberID])
        _ = try fixture.stableGroup(of: 1)
        #expect(fixture.commit([at(7)]) == [.unknownMemberID])
        #expect(fixture.fetch() == ["orders-0 5"])
    }

    @Test func `a commit's leader epoch, metadata and time are kept over a restart`() throws {
        let fixture = GroupFixture()
        _ = fixture.commit([at(5, orders, "m")])
        fixture.restart()
        let ticket = fixture.ask(
            .fetch(GroupRequest.Fetch(MemberGeneration(group: "app", generation: -1, memberID: ""), nil)))
        guard case .fetch(let answer)? = fixture.answers[ticket] else { throw WrongAnswer() }
        #expect(
            answer.positions.map(\.offset) == [
                GroupOffset(offset: Offset(5), leaderEpoch: 3, metadata: "m", time: noon())
            ])
    }

    @Test func `a member can commit only in its generation`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2)
        #expect(fixture.commit([at(5)], memberID: ids[1], generation: generation) == [.none])
        #expect(fixture.commit([at(6)], memberID: ids[1], generation: generation - 1) == [.illegalGeneration])
        #expect(fixture.commit([at(6)], memberID: "stranger", generation: generation) == [.unknownMemberID])
        #expect(
            fixture.commit([at(6)], memberID: "new", generation: 1, group: "unknown") == [.illegalGeneration])
        #expect(fixture.fetch() == ["orders-0 5"])
        // In a rebalance the old generation may still commit, until the new one begins.
        let third = fixture.join("")
        #expect(fixture.commit([at(7)], memberID: ids[1], generation: generation) == [.none])
        _ = ids.map { fixture.join($0) }
        _ = try fixture.joined(third)
        #expect(fixture.commit([at(8)], memberID: ids[1], generation: generation) == [.illegalGeneration])
        #expect(fixture.commit([at(8)], memberID: ids[1], generation: generation + 1) == [.rebalanceInProgress])
        #expect(fixture.fetch() == ["orders-0 7"])
    }

    @Test func `a replaced static member cannot commit`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 1, instances: true)
        _ = fixture.join("", instance: "instance0")
        #expect(
            fixture.commit([at(5)], memberID: ids[0], generation: generation, instance: "instance0")
                == [.fencedInstanceID])
    }

    @Test func `a commit renews the member's session`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 1)
        fixture.pass(.seconds(9))
        #expect(fixture.commit([at(5)], memberID: ids[0], generation: generation) == [.none])
        fixture.pass(.seconds(9))
        #expect(fixture.heartbeat(ids[0], generation) == GroupError.none)
    }

    @Test func `oversized metadata and invalid topics are refused, and the rest is committed`() {
        let fixture = GroupFixture()
        let long = String(repeating: "m", count: 4_097)
        let topic = TopicPartition(String(repeating: "t", count: 250), 0)
        #expect(
            fixture.commit([at(5, orders, long), at(6, more, String(long.dropLast())), at(7, topic)]) == [
                .offsetMetadataTooLarge, .none, .unknownTopicOrPartition,
            ])
        #expect(fixture.fetch() == ["orders-1 6"])
        #expect(fixture.commit([at(5, orders, long)]) == [.offsetMetadataTooLarge])
        #expect(fixture.writes.count == 1)
    }

    // MARK: Transactions

    /// The records of the group `app` are in partition 1.
    @Test func `offsets in a transaction take effect with its commit`() {
        let fixture = GroupFixture()
        _ = fixture.commit([at(5)])
        #expect(fixture.commit([at(6), at(1, more)], producer: producer) == [.none, .none])
        #expect(fixture.writes.last?.producer == producer && fixture.writes.last?.partition == 1)
        #expect(fixture.fetch([orders, more]) == ["orders-0 5", "orders-1 none"])
        #expect(
            fixture.fetch([orders, more], stable: true) == [
                "orders-0 unstableOffsetCommit", "orders-1 unstableOffsetCommit",
            ])
        fixture.mark(producer, commit: true, partition: 2)
        #expect(fixture.fetch() == ["orders-0 5"])
        fixture.restart()
        #expect(fixture.fetch(stable: true) == ["orders-0 unstableOffsetCommit"])
        fixture.mark(producer, commit: true)
        #expect(fixture.fetch(stable: true) == ["orders-0 6", "orders-1 1"])
        fixture.restart()
        #expect(fixture.fetch(stable: true) == ["orders-0 6", "orders-1 1"])
    }

    @Test func `offsets of an aborted transaction never take effect`() {
        let fixture = GroupFixture()
        _ = fixture.commit([at(6)], producer: producer)
        fixture.mark(producer, commit: false)
        #expect(fixture.fetch([orders], stable: true) == ["orders-0 none"])
        #expect(fixture.coordinatorNames == [])
        fixture.restart()
        #expect(fixture.coordinatorNames == [])
    }

    @Test(arguments: [true, false])
    func `an offset committed after one in a transaction stays when the transaction commits`(restarts: Bool) {
        let fixture = GroupFixture()
        _ = fixture.commit([at(6), at(1, more)], producer: producer)
        _ = fixture.commit([at(9)])
        fixture.mark(producer, commit: true)
        if restarts { fixture.restart() }
        #expect(fixture.fetch() == ["orders-0 9", "orders-1 1"])
    }

    @Test func `in a transaction the member is checked only if it is named`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 1)
        #expect(fixture.commit([at(1)], producer: producer) == [.none])
        #expect(fixture.commit([at(2)], memberID: ids[0], generation: generation, producer: producer) == [.none])
        #expect(
            fixture.commit([at(2)], memberID: ids[0], generation: generation - 1, producer: producer)
                == [.illegalGeneration])
        #expect(
            fixture.commit([at(2)], memberID: "stranger", generation: generation, producer: producer)
                == [.unknownMemberID])
        _ = fixture.join(ids[0])
        #expect(fixture.commit([at(3)], memberID: ids[0], generation: generation + 1, producer: producer) == [.none])
    }

    // MARK: Deleting

    @Test func `offsets of topics that members subscribe to cannot be deleted`() throws {
        let fixture = GroupFixture()
        let wish = [GroupProtocol("range", [0, 0, 0, 0, 0, 1, 0, 6] + Array("orders".utf8) + [0, 0, 0, 0])]
        let users = TopicPartition("users", 0)
        _ = fixture.commit([at(5), at(6, users)])
        let (ids, _) = try fixture.stableGroup(of: 1, protocols: wish)
        #expect(fixture.delete([orders, users, more]) == [.groupSubscribedToTopic, .none, .groupSubscribedToTopic])
        #expect(fixture.fetch() == ["orders-0 5"])
        _ = fixture.leave(MemberName(memberID: ids[0]))
        #expect(fixture.delete([orders, more]) == [.none, .none])
        fixture.restart()
        #expect(fixture.fetch() == [])
    }

    @Test func `offsets of a group whose members' topics are unknown cannot be deleted`() throws {
        let fixture = GroupFixture()
        _ = fixture.commit([at(5)])
        _ = try fixture.joined(fixture.join("", type: "connect"))
        #expect(fixture.delete([orders]) == [.nonEmptyGroup])
        #expect(fixture.delete([orders], group: "unknown") == [.groupIDNotFound])
    }

    @Test func `deleting a group also deletes the offsets of open transactions`() {
        let fixture = GroupFixture()
        _ = fixture.commit([at(5)])
        _ = fixture.commit([at(6), at(1, more)], producer: producer)
        let ticket = fixture.ask(.delete(group: "app"))
        #expect(fixture.answers[ticket] == .delete(.none))
        fixture.mark(producer, commit: true)
        #expect(fixture.coordinatorNames == [])
        fixture.restart()
        #expect(fixture.coordinatorNames == [])
    }

    @Test func `a deleted topic's offsets are removed from all groups`() {
        let fixture = GroupFixture()
        let users = TopicPartition("users", 0)
        _ = fixture.commit([at(5), at(6, users)])
        _ = fixture.commit([at(7)], group: "other")
        fixture.tell(.topicDeleted("orders"))
        fixture.restart()
        #expect(fixture.fetch() == ["users-0 6"])
        #expect(fixture.coordinatorNames == ["app"])
    }

    @Test func `the broker can store offsets whatever members the group has`() throws {
        let fixture = GroupFixture()
        _ = try fixture.stableGroup(of: 1)
        _ = fixture.commit([at(5, more)], producer: producer)
        let offset = GroupOffset(offset: Offset(4), metadata: "", time: noon())
        fixture.tell(.store(group: "app", offsets: [orders: offset, more: nil]))
        fixture.mark(producer, commit: true)
        #expect(fixture.fetch() == ["orders-0 4"])
    }

    // MARK: Retention

    @Test func `offsets of a group with members expire after the last member has left`() throws {
        let fixture = GroupFixture { $0.offsetsRetention = .seconds(3_600) }
        let (ids, generation) = try fixture.stableGroup(of: 1)
        _ = fixture.commit([at(5)], memberID: ids[0], generation: generation)
        for _ in 0..<1_000 {
            fixture.pass(.seconds(9))
            #expect(fixture.heartbeat(ids[0], generation) == GroupError.none)
        }
        _ = fixture.leave(MemberName(memberID: ids[0]))
        fixture.pass(.seconds(3_599))
        #expect(fixture.fetch() == ["orders-0 5"])
        fixture.pass(.seconds(601))
        #expect(fixture.coordinatorNames == [])
        #expect(fixture.nextWake == nil)
        fixture.restart()
        #expect(fixture.coordinatorNames == [])
    }

    @Test func `without members, each offset expires a retention period after its commit`() {
        let fixture = GroupFixture { $0.offsetsRetention = .seconds(3_600) }
        _ = fixture.commit([at(5)])
        fixture.pass(.seconds(2_000))
        _ = fixture.commit([at(6, more)])
        fixture.pass(.seconds(2_300))
        #expect(fixture.fetch() == ["orders-1 6"])
        fixture.pass(.seconds(2_000))
        #expect(fixture.coordinatorNames == [])
    }

    @Test func `offsets of topics that members no longer subscribe to expire, and others do not`() throws {
        let fixture = GroupFixture { $0.offsetsRetention = .seconds(3_600) }
        let wish = [GroupProtocol("range", [0, 0, 0, 0, 0, 1, 0, 6] + Array("orders".utf8) + [0, 0, 0, 0])]
        let (ids, generation) = try fixture.stableGroup(of: 1, protocols: wish)
        let users = TopicPartition("users", 0)
        _ = fixture.commit([at(5), at(6, users)], memberID: ids[0], generation: generation)
        for _ in 0..<500 {
            fixture.pass(.seconds(9))
            _ = fixture.heartbeat(ids[0], generation)
        }
        #expect(fixture.fetch() == ["orders-0 5"])
    }

    @Test func `an offset with a pending transactional commit does not expire`() {
        let fixture = GroupFixture { $0.offsetsRetention = .seconds(3_600) }
        _ = fixture.commit([at(5)])
        _ = fixture.commit([at(6)], producer: producer)
        fixture.pass(.seconds(10_000))
        #expect(fixture.fetch() == ["orders-0 5"])
        fixture.mark(producer, commit: true)
        #expect(fixture.fetch() == ["orders-0 6"])
    }

    @Test func `the number of groups is limited`() {
        let fixture = GroupFixture { $0.maxGroups = 2 }
        #expect(fixture.commit([at(5)], group: "a") == [.none])
        #expect(fixture.commit([at(5)], group: "b") == [.none])
        #expect(fixture.commit([at(5)], group: "c") == [.groupMaxSizeReached])
        #expect(fixture.commit([at(6)], group: "a") == [.none])
    }

    @Test func `the memory of committed offsets is limited, but existing offsets can still be updated`() {
        let text = String(repeating: "x", count: 1_000)
        let fixture = GroupFixture { $0.maxOffsetBytes = 3_000 }
        #expect(fixture.commit([at(5, orders, text), at(5, more, text)], group: "a") == [.none, .none])
        #expect(fixture.commit([at(5, orders, text)], group: "b") == [.invalidCommitOffsetSize])
        #expect(fixture.commit([at(6, orders, text), at(6, more)], group: "a") == [.none, .none])
        #expect(fixture.commit([at(5, orders, text)], group: "b") == [.none])
        #expect(fixture.commit([at(7, orders, text)], group: "a", producer: producer) == [.invalidCommitOffsetSize])
        #expect(fixture.commit([at(8, orders, text)], group: "a") == [.none])
    }

    @Test func `the memory of offsets is counted the same after a restart, and freed with them`() {
        let fixture = GroupFixture { $0.offsetsRetention = .seconds(3_600) }
        _ = fixture.commit([at(5, orders, "a"), at(6, more, "bc")])
        let one = fixture.offsetBytes
        #expect(one > 0)
        _ = fixture.commit([at(7, orders, "a longer text")], producer: producer)
        #expect(fixture.offsetBytes > one)
        fixture.restart()
        #expect(fixture.offsetBytes > one)
        fixture.mark(producer, commit: true)
        let two = fixture.offsetBytes
        #expect(two > one)
        fixture.restart()
        #expect(fixture.offsetBytes == two)
        _ = fixture.commit([at(9, orders, "aborted")], producer: producer)
        fixture.mark(producer, commit: false)
        #expect(fixture.offsetBytes == two)
        // A commit written after one in a transaction takes precedence.
        _ = fixture.commit([at(8)], producer: producer)
        _ = fixture.commit([at(10, orders, "a longer text")])
        fixture.mark(producer, commit: true)
        #expect(fixture.offsetBytes == two)
        fixture.pass(.seconds(10_000))
        #expect(fixture.coordinatorNames == [] && fixture.offsetBytes == 0)
    }

    @Test func `a new group's name must not exceed the limit`() {
        let fixture = GroupFixture { $0.maxNameBytes = 3 }
        #expect(fixture.commit([at(5)], group: "abc") == [.none])
        #expect(fixture.commit([at(5)], group: "abcd") == [.invalidGroupID])
    }

    @Test func `a snapshot holds the state as last written`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 2)
        _ = fixture.commit([at(5)], memberID: ids[0], generation: generation)
        let before = fixture.snapshot(1)
        #expect(before.count == 2)
        _ = fixture.join("")
        _ = ids.map { fixture.join($0) }
        // The new generation is not written before it has an assignment.
        #expect(fixture.snapshot(1) == before)
        #expect(fixture.snapshot(2) == [])
        fixture.restart()
        #expect(fixture.snapshot(1) == before)
        #expect(fixture.heartbeat(ids[1], generation) == GroupError.none)
    }
}
