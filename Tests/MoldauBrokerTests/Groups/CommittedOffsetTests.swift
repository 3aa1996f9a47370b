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
    @Test func `who is no member commits to a group without members only`() throws {
        let bench = GroupBench()
        #expect(bench.commit([at(5)]) == [.none])
        #expect(bench.fetch() == ["orders-0 5"])
        #expect(bench.fetch([more, orders]) == ["orders-1 none", "orders-0 5"])
        #expect(bench.fetch([orders], group: "other") == ["orders-0 none"])
        #expect(bench.commit([at(6)], memberID: "stranger", generation: 1) == [.unknownMemberID])
        _ = try bench.stableGroup(of: 1)
        #expect(bench.commit([at(7)]) == [.unknownMemberID])
        #expect(bench.fetch() == ["orders-0 5"])
    }

    @Test func `a commit carries its leader epoch, metadata and time`() throws {
        let bench = GroupBench()
        _ = bench.commit([at(5, orders, "m")])
        bench.restart()
        let ticket = bench.ask(
            .fetch(GroupRequest.Fetch(MemberGeneration(group: "app", generation: -1, memberID: ""), nil)))
        guard case .fetch(let answer)? = bench.answers[ticket] else { throw WrongAnswer() }
        #expect(
            answer.positions.map(\.offset) == [
                GroupOffset(offset: Offset(5), leaderEpoch: 3, metadata: "m", time: noon())
            ])
    }

    @Test func `a member commits in its generation only`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2)
        #expect(bench.commit([at(5)], memberID: ids[1], generation: generation) == [.none])
        #expect(bench.commit([at(6)], memberID: ids[1], generation: generation - 1) == [.illegalGeneration])
        #expect(bench.commit([at(6)], memberID: "stranger", generation: generation) == [.unknownMemberID])
        #expect(
            bench.commit([at(6)], memberID: "new", generation: 1, group: "unknown") == [.illegalGeneration])
        #expect(bench.fetch() == ["orders-0 5"])
        // In a rebalance the old generation may still commit, until the new one begins.
        let third = bench.join("")
        #expect(bench.commit([at(7)], memberID: ids[1], generation: generation) == [.none])
        _ = ids.map { bench.join($0) }
        _ = try bench.joined(third)
        #expect(bench.commit([at(8)], memberID: ids[1], generation: generation) == [.illegalGeneration])
        #expect(bench.commit([at(8)], memberID: ids[1], generation: generation + 1) == [.rebalanceInProgress])
        #expect(bench.fetch() == ["orders-0 7"])
    }

    @Test func `a replaced static member commits nothing`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 1, instances: true)
        _ = bench.join("", instance: "instance0")
        #expect(
            bench.commit([at(5)], memberID: ids[0], generation: generation, instance: "instance0")
                == [.fencedInstanceID])
    }

    @Test func `who commits is alive`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 1)
        bench.pass(.seconds(9))
        #expect(bench.commit([at(5)], memberID: ids[0], generation: generation) == [.none])
        bench.pass(.seconds(9))
        #expect(bench.heartbeat(ids[0], generation) == GroupError.none)
    }

    @Test func `too much metadata and impossible topics are refused, the rest is committed`() {
        let bench = GroupBench()
        let long = String(repeating: "m", count: 4_097)
        let topic = TopicPartition(String(repeating: "t", count: 250), 0)
        #expect(
            bench.commit([at(5, orders, long), at(6, more, String(long.dropLast())), at(7, topic)]) == [
                .offsetMetadataTooLarge, .none, .unknownTopicOrPartition,
            ])
        #expect(bench.fetch() == ["orders-1 6"])
        #expect(bench.commit([at(5, orders, long)]) == [.offsetMetadataTooLarge])
        #expect(bench.writes.count == 1)
    }

    // MARK: Transactions

    /// The records of the group `app` are in partition 1.
    @Test func `offsets in a transaction count from its commit on`() {
        let bench = GroupBench()
        _ = bench.commit([at(5)])
        #expect(bench.commit([at(6), at(1, more)], producer: producer) == [.none, .none])
        #expect(bench.writes.last?.producer == producer && bench.writes.last?.partition == 1)
        #expect(bench.fetch([orders, more]) == ["orders-0 5", "orders-1 none"])
        #expect(
            bench.fetch([orders, more], stable: true) == [
                "orders-0 unstableOffsetCommit", "orders-1 unstableOffsetCommit",
            ])
        bench.mark(producer, commit: true, partition: 2)
        #expect(bench.fetch() == ["orders-0 5"])
        bench.restart()
        #expect(bench.fetch(stable: true) == ["orders-0 unstableOffsetCommit"])
        bench.mark(producer, commit: true)
        #expect(bench.fetch(stable: true) == ["orders-0 6", "orders-1 1"])
        bench.restart()
        #expect(bench.fetch(stable: true) == ["orders-0 6", "orders-1 1"])
    }

    @Test func `offsets in an aborted transaction never count`() {
        let bench = GroupBench()
        _ = bench.commit([at(6)], producer: producer)
        bench.mark(producer, commit: false)
        #expect(bench.fetch([orders], stable: true) == ["orders-0 none"])
        #expect(bench.coordinatorNames == [])
        bench.restart()
        #expect(bench.coordinatorNames == [])
    }

    @Test(arguments: [true, false])
    func `what was committed after an offset in a transaction stays when that ends`(restarts: Bool) {
        let bench = GroupBench()
        _ = bench.commit([at(6), at(1, more)], producer: producer)
        _ = bench.commit([at(9)])
        bench.mark(producer, commit: true)
        if restarts { bench.restart() }
        #expect(bench.fetch() == ["orders-0 9", "orders-1 1"])
    }

    @Test func `in a transaction a member is checked if it is named`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 1)
        #expect(bench.commit([at(1)], producer: producer) == [.none])
        #expect(bench.commit([at(2)], memberID: ids[0], generation: generation, producer: producer) == [.none])
        #expect(
            bench.commit([at(2)], memberID: ids[0], generation: generation - 1, producer: producer)
                == [.illegalGeneration])
        #expect(
            bench.commit([at(2)], memberID: "stranger", generation: generation, producer: producer)
                == [.unknownMemberID])
        _ = bench.join(ids[0])
        #expect(bench.commit([at(3)], memberID: ids[0], generation: generation + 1, producer: producer) == [.none])
    }

    // MARK: Deleting

    @Test func `offsets of topics that members want are not deleted`() throws {
        let bench = GroupBench()
        let wish = [GroupProtocol("range", [0, 0, 0, 0, 0, 1, 0, 6] + Array("orders".utf8) + [0, 0, 0, 0])]
        let users = TopicPartition("users", 0)
        _ = bench.commit([at(5), at(6, users)])
        let (ids, _) = try bench.stableGroup(of: 1, protocols: wish)
        #expect(bench.delete([orders, users, more]) == [.groupSubscribedToTopic, .none, .groupSubscribedToTopic])
        #expect(bench.fetch() == ["orders-0 5"])
        _ = bench.leave(MemberName(memberID: ids[0]))
        #expect(bench.delete([orders, more]) == [.none, .none])
        bench.restart()
        #expect(bench.fetch() == [])
    }

    @Test func `offsets of a group whose members' topics are unknown are not deleted`() throws {
        let bench = GroupBench()
        _ = bench.commit([at(5)])
        _ = try bench.joined(bench.join("", type: "connect"))
        #expect(bench.delete([orders]) == [.nonEmptyGroup])
        #expect(bench.delete([orders], group: "unknown") == [.groupIDNotFound])
    }

    @Test func `a deleted group's offsets are gone, also those of open transactions`() {
        let bench = GroupBench()
        _ = bench.commit([at(5)])
        _ = bench.commit([at(6), at(1, more)], producer: producer)
        let ticket = bench.ask(.delete(group: "app"))
        #expect(bench.answers[ticket] == .delete(.none))
        bench.mark(producer, commit: true)
        #expect(bench.coordinatorNames == [])
        bench.restart()
        #expect(bench.coordinatorNames == [])
    }

    @Test func `a deleted topic's offsets are forgotten in all groups`() {
        let bench = GroupBench()
        let users = TopicPartition("users", 0)
        _ = bench.commit([at(5), at(6, users)])
        _ = bench.commit([at(7)], group: "other")
        bench.tell(.topicDeleted("orders"))
        bench.restart()
        #expect(bench.fetch() == ["users-0 6"])
        #expect(bench.coordinatorNames == ["app"])
    }

    @Test func `the broker itself stores positions, whoever is in the group`() throws {
        let bench = GroupBench()
        _ = try bench.stableGroup(of: 1)
        _ = bench.commit([at(5, more)], producer: producer)
        let offset = GroupOffset(offset: Offset(4), metadata: "", time: noon())
        bench.tell(.store(group: "app", offsets: [orders: offset, more: nil]))
        bench.mark(producer, commit: true)
        #expect(bench.fetch() == ["orders-0 4"])
    }

    // MARK: Retention

    @Test func `offsets of a group that had members expire a while after the last has gone`() throws {
        let bench = GroupBench { $0.offsetsRetention = .seconds(3_600) }
        let (ids, generation) = try bench.stableGroup(of: 1)
        _ = bench.commit([at(5)], memberID: ids[0], generation: generation)
        for _ in 0..<1_000 {
            bench.pass(.seconds(9))
            #expect(bench.heartbeat(ids[0], generation) == GroupError.none)
        }
        _ = bench.leave(MemberName(memberID: ids[0]))
        bench.pass(.seconds(3_599))
        #expect(bench.fetch() == ["orders-0 5"])
        bench.pass(.seconds(601))
        #expect(bench.coordinatorNames == [])
        #expect(bench.nextWake == nil)
        bench.restart()
        #expect(bench.coordinatorNames == [])
    }

    @Test func `offsets of a group without members expire a while after each was committed`() {
        let bench = GroupBench { $0.offsetsRetention = .seconds(3_600) }
        _ = bench.commit([at(5)])
        bench.pass(.seconds(2_000))
        _ = bench.commit([at(6, more)])
        bench.pass(.seconds(2_300))
        #expect(bench.fetch() == ["orders-1 6"])
        bench.pass(.seconds(2_000))
        #expect(bench.coordinatorNames == [])
    }

    @Test func `offsets of topics that members no longer want expire, the others not`() throws {
        let bench = GroupBench { $0.offsetsRetention = .seconds(3_600) }
        let wish = [GroupProtocol("range", [0, 0, 0, 0, 0, 1, 0, 6] + Array("orders".utf8) + [0, 0, 0, 0])]
        let (ids, generation) = try bench.stableGroup(of: 1, protocols: wish)
        let users = TopicPartition("users", 0)
        _ = bench.commit([at(5), at(6, users)], memberID: ids[0], generation: generation)
        for _ in 0..<500 {
            bench.pass(.seconds(9))
            _ = bench.heartbeat(ids[0], generation)
        }
        #expect(bench.fetch() == ["orders-0 5"])
    }

    @Test func `what an open transaction will move does not expire`() {
        let bench = GroupBench { $0.offsetsRetention = .seconds(3_600) }
        _ = bench.commit([at(5)])
        _ = bench.commit([at(6)], producer: producer)
        bench.pass(.seconds(10_000))
        #expect(bench.fetch() == ["orders-0 5"])
        bench.mark(producer, commit: true)
        #expect(bench.fetch() == ["orders-0 6"])
    }

    @Test func `a limited number of groups is taken`() {
        let bench = GroupBench { $0.maxGroups = 2 }
        #expect(bench.commit([at(5)], group: "a") == [.none])
        #expect(bench.commit([at(5)], group: "b") == [.none])
        #expect(bench.commit([at(5)], group: "c") == [.groupMaxSizeReached])
        #expect(bench.commit([at(6)], group: "a") == [.none])
    }

    @Test func `positions take a limited amount of memory, and those that are there move on`() {
        let text = String(repeating: "x", count: 1_000)
        let bench = GroupBench { $0.maxOffsetBytes = 3_000 }
        #expect(bench.commit([at(5, orders, text), at(5, more, text)], group: "a") == [.none, .none])
        #expect(bench.commit([at(5, orders, text)], group: "b") == [.invalidCommitOffsetSize])
        #expect(bench.commit([at(6, orders, text), at(6, more)], group: "a") == [.none, .none])
        #expect(bench.commit([at(5, orders, text)], group: "b") == [.none])
        #expect(bench.commit([at(7, orders, text)], group: "a", producer: producer) == [.invalidCommitOffsetSize])
        #expect(bench.commit([at(8, orders, text)], group: "a") == [.none])
    }

    @Test func `what positions take is the same after a restart, and nothing is left of what is gone`() {
        let bench = GroupBench { $0.offsetsRetention = .seconds(3_600) }
        _ = bench.commit([at(5, orders, "a"), at(6, more, "bc")])
        let one = bench.offsetBytes
        #expect(one > 0)
        _ = bench.commit([at(7, orders, "a longer text")], producer: producer)
        #expect(bench.offsetBytes > one)
        bench.restart()
        #expect(bench.offsetBytes > one)
        bench.mark(producer, commit: true)
        let two = bench.offsetBytes
        #expect(two > one)
        bench.restart()
        #expect(bench.offsetBytes == two)
        _ = bench.commit([at(9, orders, "aborted")], producer: producer)
        bench.mark(producer, commit: false)
        #expect(bench.offsetBytes == two)
        // A commit that was written later than one in a transaction counts.
        _ = bench.commit([at(8)], producer: producer)
        _ = bench.commit([at(10, orders, "a longer text")])
        bench.mark(producer, commit: true)
        #expect(bench.offsetBytes == two)
        bench.pass(.seconds(10_000))
        #expect(bench.coordinatorNames == [] && bench.offsetBytes == 0)
    }

    @Test func `a new group has no longer a name than the limit`() {
        let bench = GroupBench { $0.maxNameBytes = 3 }
        #expect(bench.commit([at(5)], group: "abc") == [.none])
        #expect(bench.commit([at(5)], group: "abcd") == [.invalidGroupID])
    }

    @Test func `a snapshot holds what is kept, as it was written last`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2)
        _ = bench.commit([at(5)], memberID: ids[0], generation: generation)
        let before = bench.snapshot(1)
        #expect(before.count == 2)
        _ = bench.join("")
        _ = ids.map { bench.join($0) }
        // The new generation is not written down before it has an assignment.
        #expect(bench.snapshot(1) == before)
        #expect(bench.snapshot(2) == [])
        bench.restart()
        #expect(bench.snapshot(1) == before)
        #expect(bench.heartbeat(ids[1], generation) == GroupError.none)
    }
}
