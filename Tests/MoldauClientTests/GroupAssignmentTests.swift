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

    @Test func `by range neighbours stay together, and the first members get one more`() {
        let spread = GroupAssignment([member("y"), member("x"), member("z")], counts: ["a": 7]).spread(by: .range)
        #expect(
            numbers(spread, "x") == [0, 1, 2] && numbers(spread, "y") == [3, 4] && numbers(spread, "z") == [5, 6])
    }

    @Test func `in turn, members that do not read a topic are passed over`() {
        let members = [member("x", ["a", "b"]), member("y", ["b"])]
        let spread = GroupAssignment(members, counts: ["a": 3, "b": 3]).spread(by: .roundRobin)
        #expect(numbers(spread, "x") == [0, 1, 2])
        #expect(numbers(spread, "y", "b").count + numbers(spread, "x", "b").count == 3)
        #expect(numbers(spread, "y", "b") == [0, 2])
    }

    @Test func `the sticky one moves as little as makes loads even, and what moves is free for a round`() {
        let members = [member("x", owns: [0, 1, 2, 3]), member("y")]
        let first = GroupAssignment(members, counts: ["a": 4]).spread(by: .cooperativeSticky)
        #expect(numbers(first, "x") == [0, 1] && numbers(first, "y") == [])
        let second = GroupAssignment([member("x", owns: [0, 1]), member("y")], counts: ["a": 4])
            .spread(by: .cooperativeSticky)
        #expect(numbers(second, "x") == [0, 1] && numbers(second, "y") == [2, 3])
    }

    @Test func `the eager sticky one gives away at once what moves`() {
        let members = [member("x", owns: [0, 1, 2, 3]), member("y")]
        let spread = GroupAssignment(members, counts: ["a": 4]).spread(by: .sticky)
        #expect(numbers(spread, "x") == [0, 1] && numbers(spread, "y") == [2, 3])
    }

    @Test func `of two that say they own a partition, the one of the later generation does`() {
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
