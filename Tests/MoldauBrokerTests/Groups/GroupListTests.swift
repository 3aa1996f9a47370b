import MoldauBroker
import MoldauRecords
import Testing

private func listed(_ bench: GroupBench, states: [String] = [], types: [String] = []) -> [String] {
    let ticket = bench.ask(.list(GroupRequest.List(states: states, types: types)))
    guard case .list(let found)? = bench.answers[ticket] else { return ["no answer"] }
    return found.map { "\($0.group) \($0.type) \($0.protocolType) \($0.state)" }
}

private func deleted(_ bench: GroupBench, _ group: String) -> GroupError? {
    let ticket = bench.ask(.delete(group: group))
    guard case .delete(let error)? = bench.answers[ticket] else { return nil }
    return error
}

struct GroupListTests {
    @Test func `groups are listed by state and type`() throws {
        let bench = GroupBench()
        _ = try bench.stableGroup(of: 1)
        _ = bench.join("", type: "connect", group: "workers")
        #expect(listed(bench) == ["app classic consumer Stable", "workers classic connect CompletingRebalance"])
        #expect(listed(bench, states: ["sTable", "Empty"]) == ["app classic consumer Stable"])
        #expect(listed(bench, types: ["Classic"]).count == 2)
        #expect(listed(bench, types: ["consumer"]) == [])
    }

    @Test func `a group is deleted for good, unless it has members`() throws {
        let bench = GroupBench()
        let (ids, _) = try bench.stableGroup(of: 1)
        #expect(deleted(bench, "app") == .nonEmptyGroup)
        _ = bench.leave(MemberName(memberID: ids[0]))
        #expect(deleted(bench, "app") == GroupError.none)
        #expect(deleted(bench, "app") == .groupIDNotFound)
        bench.restart()
        #expect(listed(bench) == [])
    }

    @Test func `members go on after the coordinator was restarted, in their generation`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 3, instances: true)
        let before = try bench.description()
        bench.restart()
        #expect(try bench.description() == before)
        #expect(bench.heartbeat(ids[1], generation, instance: "instance1") == GroupError.none)
        #expect(bench.heartbeat(ids[2], generation - 1) == .illegalGeneration)
        #expect(try bench.synced(bench.sync(ids[2], generation)).assignment == [2])
        // Those that have gone meanwhile are noticed.
        bench.pass(.seconds(9))
        #expect(bench.heartbeat(ids[1], generation) == GroupError.none)
        bench.pass(.seconds(1))
        #expect(bench.heartbeat(ids[1], generation) == .rebalanceInProgress)
        #expect(try bench.joined(bench.join(ids[1], instance: "instance1")).members.count == 1)
    }

    @Test func `an assignment that was not stored before the restart is made again`() throws {
        let bench = GroupBench()
        let (ids, generation) = try bench.stableGroup(of: 1)
        let second = bench.join("")
        _ = bench.join(ids[0])
        let answer = try bench.joined(second)
        bench.restart()
        #expect(bench.heartbeat(answer.memberID, generation + 1) == .unknownMemberID)
        #expect(bench.heartbeat(ids[0], generation + 1) == .illegalGeneration)
        #expect(bench.heartbeat(ids[0], generation) == GroupError.none)
    }

    @Test func `an empty group is empty after a restart`() throws {
        let bench = GroupBench()
        let (ids, _) = try bench.stableGroup(of: 1)
        _ = bench.leave(MemberName(memberID: ids[0]))
        bench.restart()
        #expect(listed(bench) == ["app classic consumer Empty"])
        #expect(try bench.joined(bench.join("")).generation == 3)
    }
}
