import MoldauRecords
import Testing

@testable import MoldauClient

@Suite struct GroupAssignmentTests {
    private func member(
        _ id: String, _ topics: Set<String> = ["a"], owns owned: [Int32] = [], generation: Int32 = 1
    ) -> GroupAssignment.Member {
        GroupAssignment.Member(
            id: id, topics: topics, owned: Set(owned.map { TopicPartition("a", $0) }), generation: generation)
    }

    private func numbers(_ spread: [String: Set<TopicPartition>], _ id: String, _ topic: String = "a") -> [Int32] {
        (spread[id] ?? []).filter { $0.topic == topic }.map(\.partition.number).sorted()
    }

    @Test func `range keeps adjacent partitions together, and gives the first members one more`() {
        let spread = GroupAssignment([member("y"), member("x"), member("z")], counts: ["a": 7]).spread(by: .range)
        #expect(
            numbers(spread, "x") == [0, 1, 2] && numbers(spread, "y") == [3, 4] && numbers(spread, "z") == [5, 6])
    }

    @Test func `round robin skips members that do not read a topic`() {
        let members = [member("x", ["a", "b"]), member("y", ["b"])]
        let spread = GroupAssignment(members, counts: ["a": 3, "b": 3]).spread(by: .roundRobin)
        #expect(numbers(spread, "x") == [0, 1, 2])
        #expect(numbers(spread, "y", "b").count + numbers(spread, "x", "b").count == 3)
        #expect(numbers(spread, "y", "b") == [0, 2])
    }

    @Test func `cooperative sticky moves as few as needed for even loads, and leaves those free for a round`() {
        let members = [member("x", owns: [0, 1, 2, 3]), member("y")]
        let first = GroupAssignment(members, counts: ["a": 4]).spread(by: .cooperativeSticky)
        #expect(numbers(first, "x") == [0, 1] && numbers(first, "y") == [])
        let second = GroupAssignment([member("x", owns: [0, 1]), member("y")], counts: ["a": 4])
            .spread(by: .cooperativeSticky)
        #expect(numbers(second, "x") == [0, 1] && numbers(second, "y") == [2, 3])
    }

    @Test func `eager sticky reassigns moving partitions at once`() {
        let members = [member("x", owns: [0, 1, 2, 3]), member("y")]
        let spread = GroupAssignment(members, counts: ["a": 4]).spread(by: .sticky)
        #expect(numbers(spread, "x") == [0, 1] && numbers(spread, "y") == [2, 3])
    }

    @Test func `if two members claim a partition, the one with the later generation keeps it`() {
        let members = [member("x", owns: [0, 1], generation: 3), member("y", owns: [0], generation: 4)]
        let spread = GroupAssignment(members, counts: ["a": 2]).spread(by: .cooperativeSticky)
        #expect(numbers(spread, "x") == [1] && numbers(spread, "y") == [0])
    }

    @Test(arguments: [ConsumerOptions.Assignor.range, .roundRobin, .sticky, .cooperativeSticky])
    func `every partition has one reader, and loads are even`(assignor: ConsumerOptions.Assignor) {
        for count in 1...6 {
            let members = (0..<count).map { member("m\($0)") }
            let spread = GroupAssignment(members, counts: ["a": 13]).spread(by: assignor)
            #expect(spread.values.flatMap { $0 }.count == 13 && Set(spread.values.flatMap { $0 }).count == 13)
            let loads = spread.values.map(\.count)
            #expect((loads.max() ?? 0) - (loads.min() ?? 0) <= 1)
        }
        let nobody = GroupAssignment([member("x", ["b"])], counts: ["a": 2]).spread(by: assignor)
        #expect(nobody == ["x": []])
    }
}
