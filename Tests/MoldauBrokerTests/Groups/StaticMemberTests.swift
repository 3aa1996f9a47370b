import MoldauBroker
import MoldauRecords
import Testing

/// A subscription as consumers write it, version 0, with that much after the topics.
private func subscription(_ topic: String, _ more: [UInt8] = []) -> [UInt8] {
    [0, 0, 0, 0, 0, 1, 0, UInt8(topic.utf8.count)] + Array(topic.utf8) + [0, 0, 0, 0] + more
}

struct StaticMemberTests {
    @Test func `a static member that comes back has what it had, without a rebalance`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2, instances: true)
        let answer = try bench.joined(bench.join("", instance: "instance1"))
        #expect(answer.error == .none && answer.generation == generation && answer.leader == ids[0])
        #expect(answer.memberID.hasPrefix("instance1-") && answer.memberID != ids[1])
        #expect(answer.members.isEmpty && !answer.skipsAssignment)
        #expect(try bench.synced(bench.sync(answer.memberID, generation)).assignment == [1])
        #expect(bench.heartbeat(ids[0], generation, instance: "instance0") == GroupError.none)
        // The one that it replaced learns it.
        #expect(bench.heartbeat(ids[1], generation, instance: "instance1") == .fencedInstanceID)
        #expect(bench.heartbeat(ids[1], generation) == .unknownMemberID)
        #expect(try bench.joined(bench.join(ids[1], instance: "instance1")).error == .fencedInstanceID)
    }

    @Test(arguments: [true, false])
    func `a static leader that comes back assigns nothing`(canSkip: Bool) throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2, instances: true)
        let answer = try bench.joined(bench.join("", instance: "instance0", canSkip: canSkip))
        #expect(answer.generation == generation)
        if canSkip {
            #expect(answer.leader == answer.memberID && answer.skipsAssignment)
            #expect(answer.members.map(\.memberID) == [answer.memberID, ids[1]])
            #expect(answer.members.map(\.instanceID) == ["instance0", "instance1"])
        } else {
            // It must not take itself for the leader.
            #expect(answer.leader == ids[0] && answer.members.isEmpty)
        }
        #expect(try bench.synced(bench.sync(answer.memberID, generation)).assignment == [0])
    }

    @Test func `a static member that comes back with another wish begins a rebalance`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2, instances: true)
        let back = bench.join("", instance: "instance1", protocols: [GroupProtocol("range", [2])])
        #expect(bench.answers[back] == nil)
        #expect(bench.heartbeat(ids[0], generation, instance: "instance0") == .rebalanceInProgress)
        _ = bench.join(ids[0], instance: "instance0")
        #expect(try bench.joined(back).generation == generation + 1)
    }

    @Test func `what a consumer owns does not matter when it comes back, its topics do`() throws {
        let bench = GroupBench()
        let owning = [GroupProtocol("range", subscription("orders", [1, 2, 3]))]
        let (_, generation) = try bench.stableGroup(of: 2, protocols: owning, instances: true)
        let fresh = [GroupProtocol("range", subscription("orders"))]
        #expect(
            try bench.joined(bench.join("", instance: "instance1", protocols: fresh)).generation == generation)
        let other = bench.join("", instance: "instance1", protocols: [GroupProtocol("range", subscription("users"))])
        #expect(bench.answers[other] == nil)
    }

    @Test func `the older of two with one instance id is fenced, wherever it waits`() throws {
        let bench = GroupBench(delay: .seconds(3))
        let older = bench.join("", instance: "a")
        let newer = bench.join("", instance: "a")
        #expect(try bench.joined(older).error == .fencedInstanceID)
        let follower = bench.join("", instance: "b")
        bench.pass(.seconds(9))
        let id = try bench.joined(follower).memberID
        #expect(try bench.joined(newer).members.count == 2)
        let sync = bench.sync(id, 1, instance: "b")
        let third = bench.join("", instance: "b")
        #expect(try bench.synced(sync).error == .fencedInstanceID)
        // The leader knows the old id, so it has to assign again.
        #expect(bench.answers[third] == nil)
        #expect(try bench.description().state == "PreparingRebalance")
    }

    @Test func `a rebalance keeps the place of a static member that is away, until its session ends`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2, instances: true)
        let third = bench.join("", session: 300_000, rebalance: 5_000)
        for _ in 0..<12 {
            bench.pass(.seconds(5))
            _ = bench.heartbeat(ids[0], generation, instance: "instance0")
            _ = bench.heartbeat(ids[1], generation, instance: "instance1")
        }
        let answer = try bench.joined(third)
        #expect(answer.generation == generation + 1 && answer.leader == answer.memberID)
        #expect(answer.members.map(\.memberID) == ids + [answer.memberID])
        _ = bench.sync(answer.memberID, generation + 1, [:])
        bench.pass(.seconds(10))
        #expect(try bench.description().members.map(\.memberID) == [answer.memberID])
    }

    @Test func `an id that does not go with its instance id is refused`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 2, instances: true)
        #expect(bench.heartbeat(ids[0], generation, instance: "instance1") == .fencedInstanceID)
        #expect(bench.heartbeat(ids[0], generation, instance: "stranger") == .unknownMemberID)
        #expect(try bench.synced(bench.sync(ids[0], generation, instance: "instance1")).error == .fencedInstanceID)
    }
}
