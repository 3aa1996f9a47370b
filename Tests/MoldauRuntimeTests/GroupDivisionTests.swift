import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Testing

private let tasks = (0..<6).map { TaskID(subtopology: 0, partition: Partition($0)) }

/// Processes that follow their shares, and divide the tasks again when that is due.
private struct Processes {
    private let work: GroupDivision.Work
    /// The active tasks of each process.
    private(set) var active: [String: Set<TaskID>] = [:]
    /// The lags of each process's copies.
    private(set) var lags: [String: [TaskID: Int64]] = [:]
    private(set) var shares: [String: MemberShare] = [:]
    /// How often a task was closed by a process that was alive.
    private(set) var moves = 0
    private var size: Int64
    /// The zone of each process, by its name; nil for none.
    var zone: (@Sendable (String) -> String)?

    /// - Parameter size: how many records each task's changelog has.
    init(standbys: Int = 0, stateful: Bool = true, size: Int64 = 1_000_000) {
        work = GroupDivision.Work(tasks: tasks, stateful: stateful ? Set(tasks) : [], standbys: standbys)
        self.size = size
    }

    mutating func start(_ name: String, lags: [TaskID: Int64] = [:]) {
        (active[name], self.lags[name]) = ([], lags)
        divide()
    }

    mutating func end(_ name: String) {
        (active[name], lags[name], shares[name]) = (nil, nil, nil)
        divide()
    }

    /// A process that restarts under its instance id: the group returns its share without a new division.
    mutating func restart(_ name: String) {
        for task in active[name] ?? [] { lags[name]?[task] = 0 }
        active[name] = []
    }

    mutating func divide() {
        let reports = active.keys.reduce(into: [String: MemberReport]()) { reports, name in
            var held = lags[name, default: [:]].mapValues {
                MemberReport.Held(isOwned: false, lag: $0, size: size)
            }
            for task in active[name] ?? [] { held[task] = MemberReport.Held(isOwned: true, lag: 0, size: size) }
            reports[name] = MemberReport(process: name, held: held)
            reports[name]?.tags = zone.map { ["zone": $0(name), "application": "words"] }
        }
        shares = GroupDivision(work, reports).shares
        let all = shares.values.flatMap(\.active)
        #expect(all.count == Set(all).count)
        for (name, share) in shares {
            #expect(share.activeTasks.isDisjoint(with: share.standbyTasks))
            #expect(share.warmUpTasks.isSubset(of: share.standbyTasks))
            for (other, own) in active where other != name { #expect(own.isDisjoint(with: share.activeTasks)) }
        }
    }

    /// Follows the shares: copies start far behind, except those of a task that was active here, which are up to date.
    /// - Returns: whether any process requests another division.
    mutating func follow(catchingUp: Bool = true) -> Bool {
        var asks = false
        for (name, share) in shares.sorted(by: { $0.key < $1.key }) {
            let given = (active[name] ?? []).subtracting(share.activeTasks)
            moves += given.count
            asks = asks || share.owesDivision(having: active[name] ?? [])
            active[name] = share.activeTasks
            for task in share.standbyTasks {
                let known: Int64 = given.contains(task) ? 0 : lags[name]?[task] ?? size
                if catchingUp, known > 0 { asks = asks || share.warmUpTasks.contains(task) }
                lags[name]?[task] = catchingUp ? 0 : known
            }
            for task in lags[name]?.keys.sorted() ?? [] where !share.standbyTasks.contains(task) {
                lags[name]?[task] = nil
            }
        }
        return asks
    }

    mutating func settle() {
        for _ in 0..<100 {
            guard follow() else { return }
            divide()
        }
        Issue.record("the processes never stop dividing their tasks")
    }

    var counts: [Int] { active.sorted { $0.key < $1.key }.map(\.value.count) }
}

struct GroupDivisionTests {
    @Test func `the first process gets all tasks, and others get theirs once the first has released them`() {
        var processes = Processes(stateful: false)
        processes.start("a")
        processes.settle()
        #expect(processes.counts == [6])
        processes.start("b")
        #expect(processes.shares["a"]?.active.count == 3 && processes.shares["b"]?.active == [])
        processes.settle()
        #expect(processes.counts == [3, 3] && processes.moves == 3)
        processes.start("c")
        processes.settle()
        #expect(processes.counts == [2, 2, 2] && processes.moves == 5)
    }

    @Test func `a stateful task stays where it is until its stores have been copied, two tasks at a time`() {
        var processes = Processes()
        processes.start("a")
        processes.settle()
        processes.start("b")
        #expect(processes.shares["a"]?.active.count == 6)
        #expect(processes.shares["b"]?.warmUps.count == 2 && processes.shares["b"]?.standby.count == 2)
        // As long as they have not caught up, nothing moves.
        let asks = processes.follow(catchingUp: false)
        #expect(!asks)
        processes.divide()
        #expect(processes.shares["a"]?.active.count == 6 && processes.shares["b"]?.warmUps.count == 2)
        processes.settle()
        #expect(processes.counts == [3, 3] && processes.moves == 3)
    }

    @Test func `a task whose changelog is short moves at once`() {
        var processes = Processes(size: 100)
        processes.start("a")
        processes.settle()
        processes.start("b")
        #expect(processes.shares["a"]?.active.count == 3 && processes.shares["b"]?.standby == [])
    }

    @Test func `a process with a standby copy takes over from a process that left`() {
        var processes = Processes(standbys: 1)
        for name in ["a", "b", "c"] { processes.start(name) }
        processes.settle()
        #expect(processes.counts == [2, 2, 2])
        let copies = processes.lags
        let lost = processes.active["c"] ?? []
        processes.end("c")
        for task in lost {
            let next = processes.shares.first { $0.value.activeTasks.contains(task) }?.key ?? ""
            #expect(copies[next]?[task] == 0)
        }
    }

    @Test func `a process gets the tasks whose state it has on disk`() {
        var processes = Processes()
        let own = Dictionary(uniqueKeysWithValues: tasks.suffix(3).map { ($0, Int64(10)) })
        processes.start("b", lags: own)
        _ = processes.follow()
        processes.start("a", lags: Dictionary(uniqueKeysWithValues: tasks.prefix(3).map { ($0, Int64(10)) }))
        // Nothing has to be copied first.
        #expect(processes.shares["b"]?.activeTasks == Set(tasks.suffix(3)))
        processes.settle()
        #expect(processes.active["a"] == Set(tasks.prefix(3)))
    }

    @Test func `tasks that a process had to release are reassigned after it restarts`() {
        var processes = Processes(stateful: false)
        processes.start("a")
        processes.settle()
        processes.start("b")
        #expect(processes.shares["a"]?.revoked?.count == 3 && processes.shares["b"]?.revoked == nil)
        processes.restart("a")
        processes.settle()
        #expect(processes.counts == [3, 3])
        // A restart while no process waits causes no division.
        processes.restart("a")
        let asks = processes.follow()
        #expect(!asks && processes.counts == [3, 3])
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `as processes join and leave, no task is on two of them, and loads become even`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var processes = Processes(
            standbys: Int.random(in: 0...2, using: &random), stateful: Bool.random(using: &random),
            size: Bool.random(using: &random) ? 100 : 1_000_000)
        processes.start("0")
        for number in 1...30 {
            let names = processes.active.keys.sorted()
            switch Int.random(in: 0...4, using: &random) {
            case 0 where names.count < 5: processes.start("\(number)")
            case 1 where names.count > 1: processes.end(names.randomElement(using: &random) ?? "")
            case 2: processes.restart(names.randomElement(using: &random) ?? "")
            default: if processes.follow(catchingUp: Bool.random(using: &random)) { processes.divide() }
            }
        }
        processes.settle()
        #expect((processes.counts.max() ?? 0) - (processes.counts.min() ?? 0) <= 1, "\(processes.counts)")
        #expect(processes.counts.reduce(0, +) == tasks.count)
    }

    /// Processes are in one of two zones.
    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `a copy is in another zone than its task, whichever processes join and leave`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var processes = Processes(standbys: 1, size: Bool.random(using: &random) ? 100 : 1_000_000)
        let zone: @Sendable (String) -> String = { name in name.hasPrefix("x") ? "x" : "y" }
        processes.zone = zone
        for name in ["x0", "y0"] { processes.start(name) }
        for number in 1...12 {
            let names = processes.active.keys.sorted()
            switch Int.random(in: 0...3, using: &random) {
            case 0 where names.count < 5: processes.start("\(Bool.random(using: &random) ? "x" : "y")\(number)")
            case 1:
                let gone = names.randomElement(using: &random) ?? ""
                if names.contains(where: { $0 != gone && zone($0) == zone(gone) }) { processes.end(gone) }
            default: if processes.follow(catchingUp: Bool.random(using: &random)) { processes.divide() }
            }
        }
        processes.divide()
        processes.settle()
        processes.divide()
        for (name, share) in processes.shares {
            for task in share.activeTasks {
                let copies = processes.shares.filter { $0.value.standbyTasks.contains(task) }.keys
                #expect(
                    copies.map(zone) == [zone(name) == "x" ? "y" : "x"], "\(task) of \(name) is copied on \(copies)")
            }
        }
    }

    @Test func `a report of a version without tags can be decoded`() throws {
        let told = #"{"held":{"0_1":{"isOwned":true,"lag":2,"size":3}},"process":"p","version":1}"#
        let report = try MemberReport.decoded(Array(told.utf8), of: "m")
        #expect(report == MemberReport(process: "p", held: [tasks[1]: .init(isOwned: true, lag: 2, size: 3)]))
    }

    @Test func `a report survives encoding, other bytes are rejected, and invalid task ids are skipped`() throws {
        let report = MemberReport(
            process: "p", host: "h:1", held: [tasks[1]: .init(isOwned: true, lag: 2, size: 3)])
        #expect(try MemberReport.decoded(report.encoded(), of: "m") == report)
        #expect(throws: (any Error).self) { try MemberReport.decoded([0, 1, 0, 0], of: "m") }
        var share = MemberShare(active: [tasks[0]], standby: [tasks[5]], warmUps: [tasks[5]])
        share.active.append("0_x")
        #expect(try MemberShare.decoded(share.encoded(), of: "m").activeTasks == [tasks[0]])
    }
}
