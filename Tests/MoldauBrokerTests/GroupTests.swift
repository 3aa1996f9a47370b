import MoldauBroker
import Synchronization
import Testing

struct GroupTests {
    @Test func `a group takes one member, which has everything, until it leaves`() {
        let groups = Memberships()
        let (first, second) = (groups.makeMember(of: "app"), groups.makeMember(of: "app"))
        var group = GroupState()
        #expect(group.handle(.join(first)) == [.admit(first), .assignAll(first)])
        #expect(group.handle(.join(second)) == [.refuse(second)])
        // Who was refused is not in, so cannot leave.
        #expect(group.handle(.leave(second)) == [])
        #expect(group.handle(.leave(first)) == [.dissolve])
        #expect(group == GroupState())
        #expect(group.handle(.join(second)) == [.admit(second), .assignAll(second)])
        #expect(group.handle(.leave(first)) == [])
    }

    @Test func `groups are independent, and a group is free again after its member left`() throws {
        let broker = try openBroker(FailingFileSystem())
        let assigned = Told<String>()
        let (first, second) = (broker.memberships.makeMember(of: "app"), broker.memberships.makeMember(of: "app"))
        try broker.memberships.join(first) { assigned.add("first") }
        #expect(throws: BrokerError.groupInUse("app")) {
            try broker.memberships.join(second) { assigned.add("second") }
        }
        try broker.memberships.join(broker.memberships.makeMember(of: "other")) { assigned.add("other") }
        broker.memberships.leave(second)
        #expect(throws: BrokerError.groupInUse("app")) {
            try broker.memberships.join(second) { assigned.add("second") }
        }
        broker.memberships.leave(first)
        broker.memberships.leave(first)
        try broker.memberships.join(second) { assigned.add("second") }
        broker.memberships.leave(first)
        #expect(throws: BrokerError.groupInUse("app")) { try broker.memberships.join(first) {} }
        #expect(assigned.all == ["first", "other", "second"])
        try broker.close()
    }
}
