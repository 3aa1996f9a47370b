import MoldauBroker
import MoldauRecords
import Testing

private func listed(_ fixture: GroupFixture, states: [String] = [], types: [String] = []) -> [String] {
    let ticket = fixture.ask(.list(GroupRequest.List(states: states, types: types)))
    guard case .list(let found)? = fixture.answers[ticket] else { return ["no answer"] }
    return found.map { "\($0.group) \($0.type) \($0.protocolType) \($0.state)" }
}

private func deleted(_ fixture: GroupFixture, _ group: String) -> GroupError? {
    let ticket = fixture.ask(.delete(group: group))
    guard case .delete(let error)? = fixture.answers[ticket] else { return nil }
    return error
}

struct GroupListTests {
    @Test func `groups are listed by state and type`() throws {
        let fixture = GroupFixture()
        _ = try fixture.stableGroup(of: 1)
        _ = fixture.join("", type: "connect", group: "workers")
        #expect(listed(fixture) == ["app classic consumer Stable", "workers classic connect CompletingRebalance"])
        #expect(listed(fixture, states: ["sTable", "Empty"]) == ["app classic consumer Stable"])
        #expect(listed(fixture, types: ["Classic"]).count == 2)
        #expect(listed(fixture, types: ["consumer"]) == [])
    }

    @Test func `a group is deleted permanently, unless it has members`() throws {
        let fixture = GroupFixture()
        let (ids, _) = try fixture.stableGroup(of: 1)
        #expect(deleted(fixture, "app") == .nonEmptyGroup)
        _ = fixture.leave(MemberName(memberID: ids[0]))
        #expect(deleted(fixture, "app") == GroupError.none)
        #expect(deleted(fixture, "app") == .groupIDNotFound)
        fixture.restart()
        #expect(listed(fixture) == [])
    }

    @Test func `members continue in their generation after the coordinator restarts`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 3, instances: true)
        let before = try fixture.description()
        fixture.restart()
        #expect(try fixture.description() == before)
        #expect(fixture.heartbeat(ids[1], generation, instance: "instance1") == GroupError.none)
        #expect(fixture.heartbeat(ids[2], generation - 1) == .illegalGeneration)
        #expect(try fixture.synced(fixture.sync(ids[2], generation)).assignment == [2])
        // Members that are gone expire.
        fixture.pass(.seconds(9))
        #expect(fixture.heartbeat(ids[1], generation) == GroupError.none)
        fixture.pass(.seconds(1))
        #expect(fixture.heartbeat(ids[1], generation) == .rebalanceInProgress)
        #expect(try fixture.joined(fixture.join(ids[1], instance: "instance1")).members.count == 1)
    }

    @Test func `a generation without a stored assignment is discarded by a restart`() throws {
        let fixture = GroupFixture()
        let (ids, generation) = try fixture.stableGroup(of: 1)
        let second = fixture.join("")
        _ = fixture.join(ids[0])
        let answer = try fixture.joined(second)
        fixture.restart()
        #expect(fixture.heartbeat(answer.memberID, generation + 1) == .unknownMemberID)
        #expect(fixture.heartbeat(ids[0], generation + 1) == .illegalGeneration)
        #expect(fixture.heartbeat(ids[0], generation) == GroupError.none)
    }

    @Test func `an empty group is empty after a restart`() throws {
        let fixture = GroupFixture()
        let (ids, _) = try fixture.stableGroup(of: 1)
        _ = fixture.leave(MemberName(memberID: ids[0]))
        fixture.restart()
        #expect(listed(fixture) == ["app classic consumer Empty"])
        #expect(try fixture.joined(fixture.join("")).generation == 3)
    }
}
