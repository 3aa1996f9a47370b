import MoldauBroker
import MoldauRecords
import Testing

/// Patterns of members that are not authorized for all topics.
struct PatternAccessTests {
    /// The access of a user who may read, and so describe, topics with these prefixes.
    private func access(_ beginnings: String...) -> Access {
        let rules = beginnings.map { AccessRule(.allow, "User:ada", .read, on: .topic, $0, .prefixed) }
        return Access(Principal("ada"), at: "127.0.0.1", by: AccessList(rules))
    }

    private func fixture(_ topics: (name: String, partitions: Int32)...) -> GroupFixture {
        let fixture = GroupFixture()
        fixture.setTopics(topics)
        return fixture
    }

    @Test func `a pattern matches only topics that the member may describe`() throws {
        let fixture = fixture(("orders", 1), ("order-audit", 2), ("users", 4))
        let answer = try fixture.beat("a", 0, topics: [], pattern: ".*", access: access("order"))
        #expect(answer.error == .none && answer.assignment?.count == 3)
        #expect(try fixture.consumers().members.map(\.topicPattern) == [".*"])
        let none = try fixture.beat("b", 0, topics: [], pattern: ".*", group: "other", access: access())
        #expect(none.error == .none && none.assignment == [])
    }

    @Test func `members with the same pattern get only topics that each may describe`() throws {
        let fixture = fixture(("orders", 2), ("users", 2))
        let first = try fixture.beat("a", 0, topics: [], pattern: ".*", access: access("orders"))
        let second = try fixture.beat("b", 0, topics: [], pattern: ".*", access: access("users"))
        let (orders, users) = (Set(first.assignment ?? []), Set(second.assignment ?? []))
        #expect(orders.count == 2 && users.count == 2 && orders.isDisjoint(with: users))
    }

    @Test func `granted and revoked access changes the assignment at the next heartbeat`() throws {
        let fixture = fixture(("orders", 1), ("users", 2))
        var answer = try fixture.beat("a", 0, topics: [], pattern: ".*", access: access("orders"))
        let orders = try #require(answer.assignment)
        answer = try fixture.beat("a", answer.epoch, owned: orders, access: access("orders", "users"))
        #expect(answer.assignment?.count == 3)
        let all = try #require(answer.assignment)
        #expect(try fixture.beat("a", answer.epoch, owned: all, access: access("orders", "users")).assignment == nil)
        answer = try fixture.beat("a", answer.epoch, owned: all, access: access("orders"))
        #expect(answer.assignment == orders)
        // Rules do not apply to a super user.
        #expect(try fixture.beat("a", answer.epoch, owned: orders).assignment?.count == 3)
    }

    @Test func `a new topic that a member may not describe is never assigned to it`() throws {
        let fixture = fixture(("orders", 1))
        var epoch = try fixture.beat("a", 0, topics: [], pattern: ".*", access: access("orders")).epoch
        fixture.setTopics([("orders", 1), ("users", 1)])
        // Another member's heartbeat begins the epoch in which the topic is assigned.
        let other = try fixture.beat("b", 0, topics: ["users"])
        #expect(other.assignment?.count == 1)
        for _ in 0..<3 {
            let answer = try fixture.beat("a", epoch, access: access("orders"))
            epoch = answer.epoch
            #expect(answer.assignment?.count ?? 1 == 1)
        }
        _ = try fixture.beat("b", -1)
        let description = try #require(fixture.consumers().members.first)
        #expect(description.assigned.count == 1 && description.target.count == 1)
    }
}
