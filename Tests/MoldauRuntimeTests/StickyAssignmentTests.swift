import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Testing

private typealias Assignment = StickyAssignment<Int>

/// Properties of every assignment, for random tasks and for members that are added, removed and replaced.
struct StickyAssignmentTests {
    private func work(_ random: inout SeededGenerator, standbys: Int = 0) -> Assignment.Work {
        let parts = Int.random(in: 1...4, using: &random)
        let tasks = (0..<parts).flatMap { part in
            (0..<Int32.random(in: 1...9, using: &random)).map { TaskID(subtopology: part, partition: Partition($0)) }
        }
        return Assignment.Work(
            tasks: tasks.shuffled(using: &random),
            copied: Set(tasks.filter { _ in Int.random(in: 0...3, using: &random) > 0 }), standbys: standbys)
    }

    /// The tasks that two assignments give to different members.
    private func moved(_ old: Assignment, _ new: Assignment) -> [TaskID] {
        new.active.filter { old.active[$0.key] != nil && old.active[$0.key] != $0.value }.keys.sorted()
    }

    /// The fewest moves after which loads differ by at most one task: the tasks of members that are gone, and those
    /// that others have beyond their shares.
    private func leastMoves(_ old: Assignment, _ work: Assignment.Work, _ members: Set<Int>) -> Int {
        let (share, seats) = work.tasks.count.quotientAndRemainder(dividingBy: members.count)
        let counts = members.map { old.tasks(of: $0).count }.sorted(by: >)
        let kept = counts.enumerated().map { min($0.element, share + ($0.offset < seats ? 1 : 0)) }.reduce(0, +)
        return old.active.count - kept
    }

    private func expectSound(_ assignment: Assignment, _ work: Assignment.Work, _ members: Set<Int>) {
        #expect(assignment.active.keys.sorted() == work.tasks)
        let counts = members.map { assignment.tasks(of: $0).count }
        #expect(counts.max()! - counts.min()! <= 1)
        for task in work.copied {
            let holders = assignment.standby[task] ?? []
            #expect(holders.count == min(work.standbys, members.count - 1))
            #expect(Set(holders).union([assignment.active[task]!]).count == holders.count + 1)
            #expect(members.isSuperset(of: holders))
        }
        #expect(Set(assignment.standby.keys).isSubset(of: work.copied))
        for (task, holders) in assignment.standby {
            for to in members where to != assignment.active[task] && !holders.contains(to) {
                let most = holders.map { assignment.copies(of: $0).count }.max() ?? 0
                #expect(most - assignment.copies(of: to).count <= 1)
            }
        }
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `as members are added, removed and replaced, loads stay even with the fewest moves`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let work = work(&random, standbys: Int.random(in: 0...2, using: &random))
        var members: Set = [1]
        var current = Assignment(work, members: members)
        expectSound(current, work, members)
        for number in 2...20 {
            let gone = members.sorted().randomElement(using: &random)!
            switch Int.random(in: 0...2, using: &random) {
            case 0: members.insert(number)
            case 1 where members.count > 1: members.remove(gone)
            default:
                members.remove(gone)
                members.insert(number)
            }
            let next = Assignment(work, members: members, previous: current)
            expectSound(next, work, members)
            #expect(moved(current, next).count == leastMoves(current, work, members))
            #expect(next == Assignment(work, members: members, previous: current))
            #expect(next == Assignment(work, members: members, previous: next))
            current = next
        }
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `initially, the tasks of each sub-topology are spread evenly`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let work = work(&random)
        let members = Set(1...Int.random(in: 1...6, using: &random))
        let assignment = Assignment(work, members: members)
        for part in Set(work.tasks.map(\.subtopology)) {
            let counts = members.map { assignment.tasks(of: $0).count { $0.subtopology == part } }
            #expect(counts.max()! - counts.min()! <= 1)
        }
    }

    private func tasks(_ parts: Int, _ partitions: Int32) -> [TaskID] {
        (0..<parts).flatMap { part in
            (0..<partitions).map { TaskID(subtopology: part, partition: Partition($0)) }
        }
    }

    @Test func `a member that joins gets tasks of each sub-topology`() {
        let work = Assignment.Work(tasks: tasks(2, 6))
        let two = Assignment(work, members: [1, 2])
        let three = Assignment(work, members: [1, 2, 3], previous: two)
        #expect(three.tasks(of: 3).count { $0.subtopology == 0 } == 2)
        #expect(three.tasks(of: 3).count { $0.subtopology == 1 } == 2)
    }

    @Test func `tasks are assigned round-robin`() {
        let work = Assignment.Work(tasks: tasks(1, 5).reversed())
        let dealt = Assignment(work, members: [1, 2])
        #expect(dealt.tasks(of: 1).map(\.description) == ["0_0", "0_2", "0_4"])
        #expect(dealt.tasks(of: 2).map(\.description) == ["0_1", "0_3"])
    }

    @Test func `a member with a standby copy takes over`() {
        let work = Assignment.Work(tasks: tasks(1, 6), copied: Set(tasks(1, 6)), standbys: 1)
        let three = Assignment(work, members: [1, 2, 3])
        let two = Assignment(work, members: [1, 2], previous: three)
        for task in three.tasks(of: 3) { #expect(two.active[task] == three.standby[task]?.first) }
    }

    @Test func `without balancing, standby copies take over regardless of load`() {
        let work = Assignment.Work(tasks: tasks(1, 4), copied: Set(tasks(1, 4)), standbys: 1)
        let before = Assignment(work, members: [1, 2])
        let after = Assignment(
            work, members: [2, 3], previous: before, balances: false)
        #expect(after.tasks(of: 2).count == 4)
        #expect(Assignment(work, members: [2, 3], previous: after).tasks(of: 2).count == 2)
    }
}
