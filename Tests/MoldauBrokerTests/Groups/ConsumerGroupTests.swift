import MoldauBroker
import MoldauRecords
import Testing

private func bench(_ partitionCount: Int32 = 4, _ change: (inout GroupSettings) -> Void = { _ in }) -> GroupBench {
    let bench = GroupBench(change)
    bench.setTopics([("orders", partitionCount), ("users", 2)])
    return bench
}

/// Groups of the consumer protocol (KIP-848).
struct ConsumerGroupTests {
    @Test func `the first member gets everything with its first heartbeat`() throws {
        let bench = bench()
        let answer = try bench.beat("a", 0)
        #expect(answer.error == .none && answer.epoch == 1 && answer.heartbeatIntervalMs == 5_000)
        #expect(answer.assignment == partitions(0, 1, 2, 3))
        // Told once; and again when the client tells all.
        #expect(try bench.beat("a", 1, owned: partitions(0, 1, 2, 3)).assignment == nil)
        let full = try bench.beat("a", 1, topics: ["orders"], owned: partitions(0, 1, 2, 3), rebalance: 60_000)
        #expect(full.assignment == partitions(0, 1, 2, 3))
        let description = try bench.consumers()
        #expect(description.state == "Stable" && description.epoch == 1 && description.assignor == "uniform")
        #expect(description.members.map(\.assigned) == [partitions(0, 1, 2, 3)])
        #expect(description.members.map(\.client.id) == ["client"])
    }

    /// As recorded between the Java client and Apache Kafka's broker.
    @Test func `what moves is given up first, and then given to the other`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0)
        let second = try bench.beat("b", 0)
        #expect(second.epoch == 2 && second.assignment == [])
        let told = try bench.beat("a", 1)
        #expect(told.epoch == 1 && told.assignment?.count == 2)
        #expect(try bench.consumers().state == "Reconciling")
        // It has not given anything up yet, and says nothing new.
        #expect(try bench.beat("a", 1, owned: partitions(0, 1, 2, 3)).epoch == 1)
        #expect(try bench.beat("b", 2).assignment == nil)
        let kept = told.assignment ?? []
        #expect(try bench.beat("a", 1, owned: kept).epoch == 2)
        let given = try bench.beat("b", 2)
        #expect(Set(given.assignment ?? []).union(kept) == Set(partitions(0, 1, 2, 3)))
        #expect(Set(given.assignment ?? []).isDisjoint(with: kept))
        #expect(try bench.consumers().state == "Stable")
    }

    @Test func `a member that leaves is forgotten at once, and its partitions go to the others`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0)
        let left = try bench.beat("a", -1)
        #expect(left.epoch == -1 && left.error == .none && left.heartbeatIntervalMs == 0)
        #expect(try bench.consumers().state == "Empty")
        #expect(try bench.beat("a", 1).error == .unknownMemberID)
        let next = try bench.beat("b", 0)
        #expect(next.epoch == 3 && next.assignment?.count == 4)
    }

    @Test func `a member that is not heard of is removed after the session timeout`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0)
        bench.pass(.seconds(44))
        _ = try bench.beat("b", 0)
        bench.pass(.seconds(1))
        #expect(try bench.beat("a", 1).error == .unknownMemberID)
        #expect(try bench.beat("b", 2).assignment?.count == 4)
    }

    @Test func `a member that does not give up what it is to is removed after its rebalance timeout`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0, rebalance: 20_000)
        _ = try bench.beat("b", 0)
        _ = try bench.beat("a", 1)
        bench.pass(.seconds(19))
        #expect(try bench.beat("a", 1, owned: partitions(0, 1, 2, 3)).error == .none)
        #expect(try bench.beat("b", 2).assignment == nil)
        bench.pass(.seconds(1))
        #expect(try bench.beat("a", 1).error == .unknownMemberID)
        #expect(try bench.beat("b", 2).assignment?.count == 4)
    }

    @Test func `an epoch that is not the member's is fenced, but one whose successor was not heard of is not`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0)
        #expect(try bench.beat("a", 2).error == .fencedMemberEpoch)
        _ = try bench.beat("b", 0)
        let kept = try bench.beat("a", 1).assignment ?? []
        #expect(try bench.beat("a", 1, owned: kept).epoch == 2)
        // The answer with epoch 2 was lost.
        #expect(try bench.beat("a", 1, owned: kept).epoch == 2)
        #expect(try bench.beat("a", 1, owned: partitions(0, 1, 2, 3)).error == .fencedMemberEpoch)
        #expect(try bench.beat("a", 1).error == .fencedMemberEpoch)
        // Fenced, it joins anew and has what it had.
        let again = try bench.beat("a", 0)
        #expect(again.epoch == 2 && again.assignment == kept.sorted())
    }

    @Test func `a request that does not say enough is refused`() throws {
        let bench = bench()
        #expect(try bench.beat("", 0).error == .invalidRequest)
        #expect(try bench.beat("a", 0, rebalance: -1).error == .invalidRequest)
        #expect(try bench.beat("a", 0, topics: []).error == .invalidRequest)
        #expect(try bench.beat("a", 0, owned: partitions(1)).error == .invalidRequest)
        #expect(try bench.beat("a", -3).error == .invalidRequest)
        #expect(try bench.beat("a", -2).error == .invalidRequest)
        #expect(try bench.beat("a", 0, assignor: "sticky").error == .unsupportedAssignor)
        #expect(try bench.beat("a", 1).error == .groupIDNotFound)
        #expect(try bench.beat("a", 0, group: "").error == .invalidGroupID)
        #expect(bench.coordinatorNames == [])
    }

    @Test func `clients that make no ids get one`() throws {
        let bench = bench()
        let ticket = bench.ask(
            .consumerHeartbeat(
                GroupRequest.ConsumerHeartbeat(
                    group: "app", memberID: "", epoch: 0, rebalanceTimeoutMs: 1_000, topics: ["orders"], owned: [],
                    client: GroupClient(id: "client", host: "/127.0.0.1"), requiresMemberID: false)))
        guard case .consumerHeartbeat(let answer)? = bench.answers[ticket] else { throw WrongAnswer() }
        #expect(answer.error == .none && answer.memberID.count == 22)
        #expect(try bench.beat(answer.memberID, 1).error == .none)
    }

    @Test func `a full group takes nobody`() throws {
        let bench = bench { $0.maxSize = 1 }
        _ = try bench.beat("a", 0)
        #expect(try bench.beat("b", 0).error == .groupMaxSizeReached)
        #expect(try bench.beat("a", 0).error == .none)
    }

    // MARK: Static members

    @Test func `a static member that is away keeps its place until its session ends`() throws {
        let bench = bench()
        let first = try bench.beat("a", 0, instance: "one")
        #expect(try bench.beat("a2", 0, instance: "one").error == .unreleasedInstanceID)
        #expect(try bench.beat("a", -2, instance: "one").epoch == -2)
        bench.pass(.seconds(30))
        let back = try bench.beat("a2", 0, instance: "one")
        #expect(back.epoch == 1 && back.assignment == first.assignment)
        #expect(try bench.beat("a", 1, instance: "one").error == .fencedInstanceID)
        #expect(try bench.beat("a2", 1, instance: "other").error == .unknownMemberID)
        _ = try bench.beat("a2", -2, instance: "one")
        bench.pass(.seconds(45))
        #expect(try bench.consumers().members.isEmpty)
    }

    // MARK: Topics and assignors

    @Test func `a topic that grows or comes is assigned with the next heartbeat`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0, topics: ["orders", "later"])
        bench.setTopics([("orders", 5), ("users", 2), ("later", 1)])
        let answer = try bench.beat("a", 1)
        #expect(answer.epoch == 2)
        #expect(answer.assignment == partitions(0, 1, 2, 3, 4) + [GroupPartition(topicID(3), 0)])
        bench.setTopics([("users", 2)])
        // Its topic is gone, so it is to give the partitions up.
        #expect(try bench.beat("a", 2).assignment == [])
    }

    @Test func `a member that wants another topic gets that one`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0)
        let answer = try bench.beat("a", 1, topics: ["users"], owned: [])
        #expect(answer.epoch == 2)
        #expect(answer.assignment == [GroupPartition(topicID(2), 0), GroupPartition(topicID(2), 1)])
    }

    @Test func `the range assignor gives neighbours, and the assignor that most ask for is taken`() throws {
        let bench = bench(5)
        _ = try bench.beat("a", 0, assignor: "range")
        _ = try bench.beat("b", 0, assignor: "range")
        _ = try bench.beat("c", 0, assignor: "uniform")
        let description = try bench.consumers()
        #expect(description.assignor == "range")
        #expect(description.members.map(\.target) == [partitions(0, 1), partitions(2, 3), partitions(4)])
    }

    @Test func `the uniform assignor moves no more than it must`() throws {
        let bench = bench(7)
        let first = try bench.beat("a", 0).assignment ?? []
        _ = try bench.beat("b", 0)
        let targets = try bench.consumers().members.map { Set($0.target) }
        #expect(targets.map(\.count).sorted() == [3, 4])
        #expect(targets[0].isSubset(of: first))
        _ = try bench.beat("c", 0, topics: ["users"])
        let after = try bench.consumers().members.map { Set($0.target) }
        #expect(Array(after.prefix(2)) == targets)
        #expect(after[2] == [GroupPartition(topicID(2), 0), GroupPartition(topicID(2), 1)])
    }

    // MARK: Offsets

    @Test func `a member commits and fetches in its epoch only`() throws {
        let bench = bench()
        let position = [CommittedPosition(TopicPartition("orders", 0), Offset(5))]
        _ = try bench.beat("a", 0)
        #expect(bench.commit(position, memberID: "a", generation: 1) == [.none])
        #expect(bench.commit(position, memberID: "a", generation: 0) == [.staleMemberEpoch])
        #expect(bench.commit(position, memberID: "b", generation: 1) == [.unknownMemberID])
        #expect(bench.commit(position) == [.unknownMemberID])
        let stale = MemberGeneration(group: "app", generation: 0, memberID: "a")
        let ticket = bench.ask(.fetch(GroupRequest.Fetch(stale, nil)))
        guard case .fetch(let refused)? = bench.answers[ticket] else { throw WrongAnswer() }
        #expect(refused.error == .staleMemberEpoch && refused.positions.isEmpty)
        #expect(bench.fetch() == ["orders-0 5"])
        #expect(bench.delete([TopicPartition("orders", 0)]) == [.groupSubscribedToTopic])
    }

    // MARK: Two protocols

    @Test func `a group speaks one protocol while it has members`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0)
        #expect(try bench.joined(bench.join("")).error == .inconsistentGroupProtocol)
        #expect(bench.heartbeat("a", 1) == .unknownMemberID)
        #expect(try bench.description().state == "Dead")
        _ = try bench.beat("a", -1)
        let member = try bench.joined(bench.join(""))
        #expect(member.error == .none)
        #expect(try bench.beat("a", 0).error == .groupIDNotFound)
        #expect(try bench.consumers().error == .groupIDNotFound)
        _ = bench.leave(MemberName(memberID: member.memberID))
        #expect(try bench.beat("a", 0).epoch == 1)
        bench.restart()
        #expect(try bench.consumers().members.count == 1)
        #expect(try bench.description().state == "Dead")
    }

    @Test func `a restart changes nothing for the members, wherever they are`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0)
        _ = try bench.beat("b", 0, instance: "two")
        let kept = try bench.beat("a", 1).assignment ?? []
        let before = try bench.consumers()
        let written = bench.snapshot(1)
        bench.restart()
        #expect(try bench.consumers() == before)
        #expect(bench.snapshot(1) == written)
        // What is still with the one is not given to the other.
        #expect(try bench.beat("b", 2, instance: "two").assignment == nil)
        #expect(try bench.beat("a", 1, owned: kept).epoch == 2)
        #expect(try bench.beat("b", 2, instance: "two").assignment?.count == 2)
        bench.pass(.seconds(45))
        #expect(try bench.consumers().members.isEmpty)
    }

    @Test func `an empty group is deleted for good`() throws {
        let bench = bench()
        _ = try bench.beat("a", 0)
        let refused = bench.ask(.delete(group: "app"))
        #expect(bench.answers[refused] == .delete(.nonEmptyGroup))
        _ = try bench.beat("a", -1)
        let deleted = bench.ask(.delete(group: "app"))
        #expect(bench.answers[deleted] == .delete(.none))
        bench.restart()
        #expect(bench.coordinatorNames == [])
    }

    @Test func `a member gets the topics that its pattern matches, and new ones when they come`() throws {
        let bench = bench(1)
        let all = try bench.beat("a", 0, topics: [], pattern: "(ord|us)ers|__.*")
        #expect(all.error == .none && all.assignment?.count == 3)
        let description = try bench.consumers().members
        #expect(description.map(\.topicPattern) == ["(ord|us)ers|__.*"] && description.map(\.topics) == [[]])
        // A member that names a topic shares it with who matches it.
        #expect(try bench.beat("b", 0, topics: ["users"]).error == .none)
        _ = try bench.beat("b", -1)
        var epoch = try #require(bench.consumers().members.first).epoch
        let whole = Set(all.assignment ?? [])
        epoch = try bench.beat("a", epoch, owned: Array(whole)).epoch
        bench.setTopics([("orders", 1), ("users", 2), ("__consumer_offsets", 4), ("bills", 1)])
        #expect(try bench.beat("a", epoch, owned: Array(whole)).assignment == nil)
        bench.setTopics([("orders", 2), ("__consumer_offsets", 4)])
        #expect(try bench.beat("a", epoch).assignment?.count == 1)
    }

    @Test func `a pattern is kept by a restart, and can be changed and given up`() throws {
        let bench = bench(1)
        _ = try bench.beat("a", 0, topics: [], pattern: "users")
        bench.restart()
        #expect(try bench.consumers().members.map(\.topicPattern) == ["users"])
        #expect(try bench.beat("a", 1).epoch == 1)
        let changed = try bench.beat("a", 1, topics: ["orders"], pattern: "", owned: [], rebalance: 60_000)
        #expect(changed.epoch == 2 && changed.assignment?.count == 1)
        #expect(try bench.consumers().members.map(\.topicPattern) == [nil])
    }

    @Test(arguments: ["(", "a{2,1}", "\\b", String(repeating: "a", count: 2_000), "((a{99}){99}){99}"])
    func `what is no pattern, or too large a one, is refused`(pattern: String) throws {
        let bench = bench()
        #expect(try bench.beat("a", 0, pattern: pattern).error == .invalidRegularExpression)
        #expect(bench.coordinatorNames == [])
        #expect(try bench.beat("a", 0, topics: []).error == .invalidRequest)
    }
}
