import MoldauBroker
import MoldauRecords
import Testing

private func fixture(_ partitionCount: Int32 = 4, _ change: (inout GroupSettings) -> Void = { _ in }) -> GroupFixture {
    let fixture = GroupFixture(change)
    fixture.setTopics([("orders", partitionCount), ("users", 2)])
    return fixture
}

/// Groups of the consumer protocol (KIP-848).
struct ConsumerGroupTests {
    @Test func `the first member gets all partitions with its first heartbeat`() throws {
        let fixture = fixture()
        let answer = try fixture.beat("a", 0)
        #expect(answer.error == .none && answer.epoch == 1 && answer.heartbeatIntervalMs == 5_000)
        #expect(answer.assignment == partitions(0, 1, 2, 3))
        // The assignment is sent once, and again in answer to a full request.
        #expect(try fixture.beat("a", 1, owned: partitions(0, 1, 2, 3)).assignment == nil)
        let full = try fixture.beat("a", 1, topics: ["orders"], owned: partitions(0, 1, 2, 3), rebalance: 60_000)
        #expect(full.assignment == partitions(0, 1, 2, 3))
        let description = try fixture.consumers()
        #expect(description.state == "Stable" && description.epoch == 1 && description.assignor == "uniform")
        #expect(description.members.map(\.assigned) == [partitions(0, 1, 2, 3)])
        #expect(description.members.map(\.client.id) == ["client"])
    }

    /// As recorded between the Java client and Apache Kafka's broker.
    @Test func `a moving partition is revoked before it is assigned to the other member`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0)
        let second = try fixture.beat("b", 0)
        #expect(second.epoch == 2 && second.assignment == [])
        let told = try fixture.beat("a", 1)
        #expect(told.epoch == 1 && told.assignment?.count == 2)
        #expect(try fixture.consumers().state == "Reconciling")
        // It has not released anything yet, so its epoch does not advance.
        #expect(try fixture.beat("a", 1, owned: partitions(0, 1, 2, 3)).epoch == 1)
        #expect(try fixture.beat("b", 2).assignment == nil)
        let kept = told.assignment ?? []
        #expect(try fixture.beat("a", 1, owned: kept).epoch == 2)
        let given = try fixture.beat("b", 2)
        #expect(Set(given.assignment ?? []).union(kept) == Set(partitions(0, 1, 2, 3)))
        #expect(Set(given.assignment ?? []).isDisjoint(with: kept))
        #expect(try fixture.consumers().state == "Stable")
    }

    @Test func `a member that leaves is removed at once, and its partitions are reassigned`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0)
        let left = try fixture.beat("a", -1)
        #expect(left.epoch == -1 && left.error == .none && left.heartbeatIntervalMs == 0)
        #expect(try fixture.consumers().state == "Empty")
        #expect(try fixture.beat("a", 1).error == .unknownMemberID)
        let next = try fixture.beat("b", 0)
        #expect(next.epoch == 3 && next.assignment?.count == 4)
    }

    @Test func `a member without a heartbeat is removed after the session timeout`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0)
        fixture.pass(.seconds(44))
        _ = try fixture.beat("b", 0)
        fixture.pass(.seconds(1))
        #expect(try fixture.beat("a", 1).error == .unknownMemberID)
        #expect(try fixture.beat("b", 2).assignment?.count == 4)
    }

    @Test func `a member that does not release revoked partitions is removed after its rebalance timeout`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0, rebalance: 20_000)
        _ = try fixture.beat("b", 0)
        _ = try fixture.beat("a", 1)
        fixture.pass(.seconds(19))
        #expect(try fixture.beat("a", 1, owned: partitions(0, 1, 2, 3)).error == .none)
        #expect(try fixture.beat("b", 2).assignment == nil)
        fixture.pass(.seconds(1))
        #expect(try fixture.beat("a", 1).error == .unknownMemberID)
        #expect(try fixture.beat("b", 2).assignment?.count == 4)
    }

    @Test func `a wrong member epoch is fenced, unless the answer with the next epoch was lost`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0)
        #expect(try fixture.beat("a", 2).error == .fencedMemberEpoch)
        _ = try fixture.beat("b", 0)
        let kept = try fixture.beat("a", 1).assignment ?? []
        #expect(try fixture.beat("a", 1, owned: kept).epoch == 2)
        // The answer with epoch 2 was lost.
        #expect(try fixture.beat("a", 1, owned: kept).epoch == 2)
        #expect(try fixture.beat("a", 1, owned: partitions(0, 1, 2, 3)).error == .fencedMemberEpoch)
        #expect(try fixture.beat("a", 1).error == .fencedMemberEpoch)
        // Fenced, it rejoins and gets back what it had.
        let again = try fixture.beat("a", 0)
        #expect(again.epoch == 2 && again.assignment == kept.sorted())
    }

    @Test func `incomplete and invalid requests are refused`() throws {
        let fixture = fixture()
        #expect(try fixture.beat("", 0).error == .invalidRequest)
        #expect(try fixture.beat("a", 0, rebalance: -1).error == .invalidRequest)
        #expect(try fixture.beat("a", 0, topics: []).error == .invalidRequest)
        #expect(try fixture.beat("a", 0, owned: partitions(1)).error == .invalidRequest)
        #expect(try fixture.beat("a", -3).error == .invalidRequest)
        #expect(try fixture.beat("a", -2).error == .invalidRequest)
        #expect(try fixture.beat("a", 0, assignor: "sticky").error == .unsupportedAssignor)
        #expect(try fixture.beat("a", 1).error == .groupIDNotFound)
        #expect(try fixture.beat("a", 0, group: "").error == .invalidGroupID)
        #expect(fixture.coordinatorNames == [])
    }

    @Test func `a client that does not generate a member id gets one`() throws {
        let fixture = fixture()
        let ticket = fixture.ask(
            .consumerHeartbeat(
                GroupRequest.ConsumerHeartbeat(
                    group: "app", memberID: "", epoch: 0, rebalanceTimeoutMs: 1_000, topics: ["orders"], owned: [],
                    client: GroupClient(id: "client", host: "/127.0.0.1"), requiresMemberID: false)))
        guard case .consumerHeartbeat(let answer)? = fixture.answers[ticket] else { throw WrongAnswer() }
        #expect(answer.error == .none && answer.memberID.count == 22)
        #expect(try fixture.beat(answer.memberID, 1).error == .none)
    }

    @Test func `a full group refuses new members, but not existing ones`() throws {
        let fixture = fixture { $0.maxSize = 1 }
        _ = try fixture.beat("a", 0)
        #expect(try fixture.beat("b", 0).error == .groupMaxSizeReached)
        #expect(try fixture.beat("a", 0).error == .none)
    }

    // MARK: Static members

    @Test func `a static member that is away keeps its assignment until its session expires`() throws {
        let fixture = fixture()
        let first = try fixture.beat("a", 0, instance: "one")
        #expect(try fixture.beat("a2", 0, instance: "one").error == .unreleasedInstanceID)
        #expect(try fixture.beat("a", -2, instance: "one").epoch == -2)
        fixture.pass(.seconds(30))
        let back = try fixture.beat("a2", 0, instance: "one")
        #expect(back.epoch == 1 && back.assignment == first.assignment)
        #expect(try fixture.beat("a", 1, instance: "one").error == .fencedInstanceID)
        #expect(try fixture.beat("a2", 1, instance: "other").error == .unknownMemberID)
        _ = try fixture.beat("a2", -2, instance: "one")
        fixture.pass(.seconds(45))
        #expect(try fixture.consumers().members.isEmpty)
    }

    // MARK: Topics and assignors

    @Test func `new and deleted topics and partitions change the assignment at the next heartbeat`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0, topics: ["orders", "later"])
        fixture.setTopics([("orders", 5), ("users", 2), ("later", 1)])
        let answer = try fixture.beat("a", 1)
        #expect(answer.epoch == 2)
        #expect(answer.assignment == partitions(0, 1, 2, 3, 4) + [GroupPartition(topicID(3), 0)])
        fixture.setTopics([("users", 2)])
        // Its topic is gone, so its partitions are revoked.
        #expect(try fixture.beat("a", 2).assignment == [])
    }

    @Test func `a member that changes its subscription gets the new topic`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0)
        let answer = try fixture.beat("a", 1, topics: ["users"], owned: [])
        #expect(answer.epoch == 2)
        #expect(answer.assignment == [GroupPartition(topicID(2), 0), GroupPartition(topicID(2), 1)])
    }

    @Test func `the range assignor gives adjacent partitions, and the assignor with the most votes is used`() throws {
        let fixture = fixture(5)
        _ = try fixture.beat("a", 0, assignor: "range")
        _ = try fixture.beat("b", 0, assignor: "range")
        _ = try fixture.beat("c", 0, assignor: "uniform")
        let description = try fixture.consumers()
        #expect(description.assignor == "range")
        #expect(description.members.map(\.target) == [partitions(0, 1), partitions(2, 3), partitions(4)])
    }

    @Test func `the uniform assignor moves no more partitions than necessary`() throws {
        let fixture = fixture(7)
        let first = try fixture.beat("a", 0).assignment ?? []
        _ = try fixture.beat("b", 0)
        let targets = try fixture.consumers().members.map { Set($0.target) }
        #expect(targets.map(\.count).sorted() == [3, 4])
        #expect(targets[0].isSubset(of: first))
        _ = try fixture.beat("c", 0, topics: ["users"])
        let after = try fixture.consumers().members.map { Set($0.target) }
        #expect(Array(after.prefix(2)) == targets)
        #expect(after[2] == [GroupPartition(topicID(2), 0), GroupPartition(topicID(2), 1)])
    }

    // MARK: Offsets

    @Test func `a member can commit and fetch only in its epoch`() throws {
        let fixture = fixture()
        let position = [CommittedPosition(TopicPartition("orders", 0), Offset(5))]
        _ = try fixture.beat("a", 0)
        #expect(fixture.commit(position, memberID: "a", generation: 1) == [.none])
        #expect(fixture.commit(position, memberID: "a", generation: 0) == [.staleMemberEpoch])
        #expect(fixture.commit(position, memberID: "b", generation: 1) == [.unknownMemberID])
        #expect(fixture.commit(position) == [.unknownMemberID])
        let stale = MemberGeneration(group: "app", generation: 0, memberID: "a")
        let ticket = fixture.ask(.fetch(GroupRequest.Fetch(stale, nil)))
        guard case .fetch(let refused)? = fixture.answers[ticket] else { throw WrongAnswer() }
        #expect(refused.error == .staleMemberEpoch && refused.positions.isEmpty)
        #expect(fixture.fetch() == ["orders-0 5"])
        #expect(fixture.delete([TopicPartition("orders", 0)]) == [.groupSubscribedToTopic])
    }

    // MARK: Two protocols

    @Test func `a group uses one protocol while it has members`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0)
        #expect(try fixture.joined(fixture.join("")).error == .inconsistentGroupProtocol)
        #expect(fixture.heartbeat("a", 1) == .unknownMemberID)
        #expect(try fixture.description().state == "Dead")
        _ = try fixture.beat("a", -1)
        let member = try fixture.joined(fixture.join(""))
        #expect(member.error == .none)
        #expect(try fixture.beat("a", 0).error == .groupIDNotFound)
        #expect(try fixture.consumers().error == .groupIDNotFound)
        _ = fixture.leave(MemberName(memberID: member.memberID))
        #expect(try fixture.beat("a", 0).epoch == 1)
        fixture.restart()
        #expect(try fixture.consumers().members.count == 1)
        #expect(try fixture.description().state == "Dead")
    }

    @Test func `a restart changes nothing for the members, even during a rebalance`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0)
        _ = try fixture.beat("b", 0, instance: "two")
        let kept = try fixture.beat("a", 1).assignment ?? []
        let before = try fixture.consumers()
        let written = fixture.snapshot(1)
        fixture.restart()
        #expect(try fixture.consumers() == before)
        #expect(fixture.snapshot(1) == written)
        // Partitions that one member still owns are not assigned to the other.
        #expect(try fixture.beat("b", 2, instance: "two").assignment == nil)
        #expect(try fixture.beat("a", 1, owned: kept).epoch == 2)
        #expect(try fixture.beat("b", 2, instance: "two").assignment?.count == 2)
        fixture.pass(.seconds(45))
        #expect(try fixture.consumers().members.isEmpty)
    }

    @Test func `an empty group is deleted permanently`() throws {
        let fixture = fixture()
        _ = try fixture.beat("a", 0)
        let refused = fixture.ask(.delete(group: "app"))
        #expect(fixture.answers[refused] == .delete(.nonEmptyGroup))
        _ = try fixture.beat("a", -1)
        let deleted = fixture.ask(.delete(group: "app"))
        #expect(fixture.answers[deleted] == .delete(.none))
        fixture.restart()
        #expect(fixture.coordinatorNames == [])
    }

    @Test func `a member gets the topics that match its pattern, but no internal topics`() throws {
        let fixture = fixture(1)
        let all = try fixture.beat("a", 0, topics: [], pattern: "(ord|us)ers|__.*")
        #expect(all.error == .none && all.assignment?.count == 3)
        let description = try fixture.consumers().members
        #expect(description.map(\.topicPattern) == ["(ord|us)ers|__.*"] && description.map(\.topics) == [[]])
        // A member that names a topic shares it with members whose pattern matches it.
        #expect(try fixture.beat("b", 0, topics: ["users"]).error == .none)
        _ = try fixture.beat("b", -1)
        var epoch = try #require(fixture.consumers().members.first).epoch
        let whole = Set(all.assignment ?? [])
        epoch = try fixture.beat("a", epoch, owned: Array(whole)).epoch
        fixture.setTopics([("orders", 1), ("users", 2), ("__consumer_offsets", 4), ("bills", 1)])
        #expect(try fixture.beat("a", epoch, owned: Array(whole)).assignment == nil)
        fixture.setTopics([("orders", 2), ("__consumer_offsets", 4)])
        #expect(try fixture.beat("a", epoch).assignment?.count == 1)
    }

    @Test func `a pattern survives a restart, and can be replaced by topic names`() throws {
        let fixture = fixture(1)
        _ = try fixture.beat("a", 0, topics: [], pattern: "users")
        fixture.restart()
        #expect(try fixture.consumers().members.map(\.topicPattern) == ["users"])
        #expect(try fixture.beat("a", 1).epoch == 1)
        let changed = try fixture.beat("a", 1, topics: ["orders"], pattern: "", owned: [], rebalance: 60_000)
        #expect(changed.epoch == 2 && changed.assignment?.count == 1)
        #expect(try fixture.consumers().members.map(\.topicPattern) == [nil])
    }

    @Test(arguments: ["(", "a{2,1}", "\\b", String(repeating: "a", count: 2_000), "((a{99}){99}){99}"])
    func `an invalid or too large pattern is refused`(pattern: String) throws {
        let fixture = fixture()
        #expect(try fixture.beat("a", 0, pattern: pattern).error == .invalidRegularExpression)
        #expect(fixture.coordinatorNames == [])
        #expect(try fixture.beat("a", 0, topics: []).error == .invalidRequest)
    }
}
