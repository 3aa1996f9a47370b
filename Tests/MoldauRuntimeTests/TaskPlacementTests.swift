import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Testing

private let tasks = (0..<4).map { TaskID(subtopology: 0, partition: Partition($0)) }

/// Threads that follow their grants in a random order, each at its own pace.
private struct Threads {
    var placement: TaskPlacement
    var held: [Int: TaskSet] = [:]
    /// The grant that each thread saw when it last looked.
    private var followed: [Int: TaskSet] = [:]

    init(standbys: Int, members: [Int]) {
        placement = TaskPlacement(
            StickyAssignment.Work(tasks: tasks, copied: Set(tasks), standbys: standbys))
        join(members)
    }

    mutating func join(_ members: [Int]) {
        placement.join(members)
        for member in members { begin(member) }
    }

    /// A thread closes what is no longer granted, or opens what is newly granted; then it reports that, or does so
    /// later, before its next step.
    mutating func step(_ number: Int, tells: Bool = true) {
        if followed[number] != nil { return tell(number) }
        let granted = placement.granted(number)
        var own = held[number]!
        let kept = TaskSet(
            active: own.active.filter { granted.active[$0.key] == $0.value },
            standby: own.standby.filter { granted.standby[$0.key] == $0.value || granted.active[$0.key] == $0.value })
        own = kept == own ? granted : kept
        held[number] = own
        followed[number] = granted
        if tells { tell(number) }
    }

    mutating func tell(_ number: Int) {
        guard let granted = followed.removeValue(forKey: number) else { return }
        placement.update(
            number, holds: held[number]!, followed: granted, status: TaskStatus(isRunning: true, isCaughtUp: true))
    }

    /// A thread restarts.
    mutating func begin(_ number: Int) {
        held[number] = TaskSet()
        followed[number] = nil
    }

    mutating func settle() {
        for _ in 0..<50 where !placement.isSettled { for number in held.keys.sorted() { step(number) } }
        #expect(placement.isSettled)
    }

    /// Checks that no task is owned by two threads, and that no directory is used twice.
    func expectSound() {
        let active = held.values.flatMap { $0.active.keys }
        #expect(active.count == Set(active).count)
        let places = held.values.flatMap { set in
            set.active.map { TaskSet.directory(of: $0.key, replica: $0.value) }
                + set.standby.map { TaskSet.directory(of: $0.key, replica: $0.value) }
        }
        #expect(places.count == Set(places).count)
    }
}

struct TaskPlacementTests {
    @Test func `a task moves to another thread after its owner has released it, and no other task moves`() {
        var threads = Threads(standbys: 0, members: [1])
        threads.settle()
        #expect(threads.held[1]?.active.count == 4)
        threads.join([2])
        #expect(!threads.placement.isSettled)
        #expect(threads.placement.granted(1).active.count == 2)
        #expect(threads.placement.granted(2).isEmpty)
        let kept = threads.placement.granted(1).active.keys.sorted()
        threads.step(1)
        #expect(threads.placement.granted(2).active.count == 2)
        threads.settle()
        #expect(threads.held[1]?.active.keys.sorted() == kept)
    }

    @Test func `the tasks of a leaving thread move after it has ended`() {
        var threads = Threads(standbys: 0, members: [1, 2])
        threads.settle()
        threads.placement.leave(2)
        threads.step(1)
        #expect(threads.placement.granted(1).active.count == 2)
        threads.held[2] = nil
        threads.placement.left(2)
        threads.settle()
        #expect(threads.held[1]?.active.count == 4)
    }

    @Test func `a standby copy takes over in its directory, and the freed directory is for the next copy`() {
        var threads = Threads(standbys: 1, members: [1, 2])
        threads.settle()
        #expect(threads.held[1]?.active == [tasks[0]: 0, tasks[2]: 0])
        #expect(threads.held[2]?.standby == [tasks[0]: 1, tasks[2]: 1])
        threads.placement.restarted(1)
        threads.begin(1)
        #expect(threads.placement.granted(2).active == [tasks[0]: 1, tasks[1]: 0, tasks[2]: 1, tasks[3]: 0])
        threads.settle()
        // Two tasks moved back to the new thread, which had copies of them by then.
        #expect(threads.held[1]?.active == [tasks[2]: 0, tasks[3]: 1])
        #expect(threads.held[2]?.active == [tasks[0]: 1, tasks[1]: 0])
        #expect(threads.held[1]?.standby.count == 2 && threads.held[2]?.standby.count == 2)
    }

    @Test func `without standby copies, a restarted thread gets its tasks again`() {
        var threads = Threads(standbys: 0, members: [1, 2])
        threads.settle()
        let before = threads.held
        threads.placement.restarted(1)
        threads.begin(1)
        threads.settle()
        #expect(threads.held == before)
    }

    @Test func `tasks that are revoked from the process are released, and a copy of one stays with its stores`() throws
    {
        var threads = Threads(standbys: 0, members: [1, 2])
        threads.settle()
        let (had, kept) = (threads.held[2] ?? TaskSet(), threads.held[1] ?? TaskSet())
        let moved = try #require(had.active.keys.min())
        let rest = Set(tasks).subtracting([moved])
        threads.placement.take(StickyAssignment.Work(tasks: Array(rest), copied: rest, followed: [moved]))
        #expect(threads.placement.mayWorkOn == Set(tasks))
        threads.settle()
        #expect(threads.placement.mayWorkOn == rest)
        #expect(threads.held[1] == kept)
        #expect(threads.held[2]?.standby == [moved: 0])
        // The copy becomes the active task again.
        threads.placement.take(StickyAssignment.Work(tasks: tasks, copied: Set(tasks)))
        threads.settle()
        #expect(threads.held[2]?.active == had.active && threads.held[2]?.standby == [:])
    }

    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `as threads are added, removed and fail at any time, no task is on two threads`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var threads = Threads(standbys: Int.random(in: 0...2, using: &random), members: [1, 2])
        var leaving: Set<Int> = []
        for number in 3...60 {
            let any = threads.held.keys.sorted().randomElement(using: &random)!
            switch Int.random(in: 0...9, using: &random) {
            case 0: threads.join([number])
            case 1 where threads.held.count - leaving.count > 1:
                threads.placement.leave(any)
                leaving.insert(any)
            case 2:
                threads.placement.restarted(any)
                threads.begin(any)
            case 3 where leaving.contains(any):
                leaving.remove(any)
                threads.held[any] = nil
                threads.placement.left(any)
            case 4: threads.tell(any)
            default: threads.step(any, tells: Int.random(in: 0...2, using: &random) > 0)
            }
            threads.expectSound()
        }
        for number in leaving {
            threads.held[number] = nil
            threads.placement.left(number)
        }
        threads.settle()
        threads.expectSound()
    }
}
