// Assigns tasks to members: a pure function of the tasks, the members, and the previous assignment. Members may be
// threads of a process or processes of a cluster; nothing here depends on that.
//
// Guarantees:
//
// - each task has one member, and the members' loads differ by at most one task;
// - as few tasks move as that allows: a member retains its tasks, up to its share;
// - a standby copy is on another member than its task and the task's other copies, and the copies are balanced: moving
//   a single copy would not balance them better;
// - members may have tags, such as the rack that they are in: then a copy is where it shares as few tags as possible
//   with the task and its other copies, which counts more than balance;
// - if no member had anything before, each sub-topology's tasks are spread evenly too. Later they are spread as evenly
//   as possible without moving more tasks.

import MoldauTopology

/// Which member has which tasks, and which members keep standby copies of their stores.
package struct StickyAssignment<Member: Hashable & Comparable & Sendable>: Sendable, Equatable {
    package private(set) var active: [TaskID: Member] = [:]
    /// In the order in which the copies were placed.
    package private(set) var standby: [TaskID: [Member]] = [:]

    /// An empty assignment.
    package init() {}

    /// The current assignment.
    /// - Parameter standby: the members with copies, the best first.
    package init(active: [TaskID: Member], standby: [TaskID: [Member]]) {
        (self.active, self.standby) = (active, standby)
    }

    /// The tasks and copies to assign.
    package struct Work: Sendable {
        package let tasks: [TaskID]
        /// The tasks whose stores should have standby copies.
        package let copied: [TaskID]
        /// The number of standby copies of each; fewer if there are not enough other members.
        package let standbys: Int
        /// Tasks that are assigned elsewhere, and whose stores one member keeps a copy of.
        package let followed: [TaskID]

        package init(tasks: [TaskID], copied: Set<TaskID> = [], standbys: Int = 0, followed: Set<TaskID> = []) {
            self.tasks = tasks.sorted()
            self.followed = followed.subtracting(tasks).sorted()
            self.copied = standbys > 0 ? self.tasks.filter(copied.contains) : []
            self.standbys = standbys
        }
    }

    /// Assigns all tasks.
    /// - Parameters:
    ///   - previous: the previous assignment; the tasks of former members are free.
    ///   - balances: false lets members retain all their tasks, and assigns a free task to a member with a copy of its
    ///     stores, whatever its load, so that tasks are taken over as soon as possible.
    ///   - tags: for each member, the tags that identify what may fail together: a zone or a rack, for example.
    package init(
        _ work: Work, members: Set<Member>, previous: StickyAssignment = .init(), balances: Bool = true,
        tags: [Member: [String: String]] = [:]
    ) {
        var placing = Placing(work, members: members.sorted(), tags: tags)
        guard !members.isEmpty else { return }
        placing.keep(previous, balances: balances)
        placing.placeTasks(besides: previous, balances: balances)
        placing.placeCopies(previous)
        (active, standby) = (placing.active, placing.standby)
    }

    /// A member's tasks, in order.
    package func tasks(of member: Member) -> [TaskID] { active.filter { $0.value == member }.keys.sorted() }
    /// A member's copies, in order.
    package func copies(of member: Member) -> [TaskID] { standby.filter { $0.value.contains(member) }.keys.sorted() }

    /// This assignment without one member's tasks and copies.
    func without(_ member: Member) -> Self {
        var other = self
        other.active = active.filter { $0.value != member }
        other.standby = standby.mapValues { $0.filter { $0 != member } }
        return other
    }
}

extension StickyAssignment {
    /// An assignment in progress.
    private struct Placing {
        let work: Work
        let members: [Member]
        let tags: [Member: [String: String]]
        var active: [TaskID: Member] = [:]
        var standby: [TaskID: [Member]] = [:]
        private var load: [Member: Int] = [:]
        private var copyLoad: [Member: Int] = [:]
        /// By member and sub-topology.
        private var partLoad: [Member: [Int: Int]] = [:]
        /// How many more members may have one task beyond the even share.
        private var seats: Int

        init(_ work: Work, members: [Member], tags: [Member: [String: String]]) {
            (self.work, self.members, self.tags) = (work, members, tags)
            seats = members.isEmpty ? 0 : work.tasks.count % members.count
        }

        private var share: Int { work.tasks.count / members.count }

        private mutating func give(_ task: TaskID, to member: Member) {
            active[task] = member
            load[member, default: 0] += 1
            partLoad[member, default: [:]][task.subtopology, default: 0] += 1
            if load[member] == share + 1 { seats -= 1 }
        }

        private func has(_ member: Member) -> Int { load[member] ?? 0 }
        private func has(_ member: Member, of part: Int) -> Int { partLoad[member]?[part] ?? 0 }
        private func hasCopies(_ member: Member) -> Int { copyLoad[member] ?? 0 }

        /// Lets each member retain its previous tasks, up to its share. Members with the most tasks come first: they
        /// may retain one more.
        mutating func keep(_ previous: StickyAssignment, balances: Bool) {
            let kept = members.map { member in (member, work.tasks.filter { previous.active[$0] == member }) }
            let order = kept.enumerated().sorted { ($1.element.1.count, $0.offset) < ($0.element.1.count, $1.offset) }
            for (member, tasks) in order.map(\.element) {
                var tasks = tasks
                while balances, tasks.count > share + (seats > 0 ? 1 : 0) { release(from: &tasks) }
                for task in tasks { give(task, to: member) }
            }
        }

        /// Removes the last task of the sub-topology that exceeds its even share the most.
        private func release(from tasks: inout [TaskID]) {
            let sizes = Dictionary(grouping: work.tasks, by: \.subtopology).mapValues(\.count)
            let counts = Dictionary(grouping: tasks, by: \.subtopology).mapValues(\.count)
            func excess(_ task: TaskID) -> Int {
                (counts[task.subtopology] ?? 0) * members.count - (sizes[task.subtopology] ?? 0)
            }
            guard let gone = tasks.max(by: { (excess($0), $0) < (excess($1), $1) }) else { return }
            tasks.removeAll { $0 == gone }
        }

        mutating func placeTasks(besides previous: StickyAssignment, balances: Bool) {
            let isCopied = work.tasks.filter { active[$0] == nil && previous.standby[$0] != nil }
            for task in isCopied {
                let holders = (previous.standby[task] ?? []).filter(members.contains)
                guard let best = best(for: task, of: holders, balances: balances) else { continue }
                give(task, to: best)
            }
            for task in work.tasks where active[task] == nil {
                guard let best = best(for: task, of: members, balances: balances) else { continue }
                give(task, to: best)
            }
        }

        private func best(for task: TaskID, of candidates: [Member], balances: Bool) -> Member? {
            let part = task.subtopology
            guard balances else { return candidates.min { (has($0), $0) < (has($1), $1) } }
            return candidates.filter { has($0) < share || has($0) == share && seats > 0 }
                .min { (has($0, of: part), has($0), $0) < (has($1, of: part), has($1), $1) }
        }

        mutating func placeCopies(_ previous: StickyAssignment) {
            for task in work.followed {
                // The previous owner of the task has its stores.
                let had = [previous.active[task]].compactMap(\.self) + (previous.standby[task] ?? [])
                if let member = had.first(where: members.contains) ?? member(forCopyOf: task) { copy(task, to: member) }
            }
            let count = min(work.standbys, members.count - 1)
            guard count > 0 else { return }
            for task in work.copied {
                let kept = (previous.standby[task] ?? []).filter { members.contains($0) && $0 != active[task] }
                for member in kept.prefix(count) where !hasFarther(than: member, for: task) { copy(task, to: member) }
                while standby[task]?.count ?? 0 < count, let member = member(forCopyOf: task) { copy(task, to: member) }
            }
            while let (task, index, member) = evenerPlace() {
                let from = standby[task, default: []][index]
                standby[task, default: []][index] = member
                copyLoad[from, default: 0] -= 1
                copyLoad[member, default: 0] += 1
            }
        }

        /// A move of a copy that improves the balance: from a member with at least two copies more.
        private func evenerPlace() -> (TaskID, index: Int, Member)? {
            let byLoad = members.sorted { (hasCopies($0), $0) < (hasCopies($1), $1) }
            for to in byLoad {
                for from in byLoad.reversed() where hasCopies(from) >= hasCopies(to) + 2 {
                    for task in work.copied.reversed() where active[task] != to {
                        guard let held = standby[task], !held.contains(to) else { continue }
                        guard let index = held.firstIndex(of: from),
                            shared(to, task, besides: from) <= shared(from, task)
                        else { continue }
                        return (task, index, to)
                    }
                }
            }
            return nil
        }

        private func member(forCopyOf task: TaskID) -> Member? {
            candidates(forCopyOf: task)
                .map { (shared($0, task), hasCopies($0), has($0), $0) }.min { $0 < $1 }?.3
        }

        private func candidates(forCopyOf task: TaskID) -> [Member] {
            members.filter { $0 != active[task] && standby[task]?.contains($0) != true }
        }

        /// How many tags a member shares with those that have the task or a copy of it.
        private func shared(_ member: Member, _ task: TaskID, besides other: Member? = nil) -> Int {
            guard let own = tags[member] else { return 0 }
            let holders = ([active[task]].compactMap(\.self) + (standby[task] ?? [])).filter {
                $0 != member && $0 != other
            }
            return holders.reduce(0) { sum, holder in sum + own.count { tags[holder]?[$0.key] == $0.value } }
        }

        /// Whether another member shares fewer tags with those that have the task.
        private func hasFarther(than member: Member, for task: TaskID) -> Bool {
            if tags.isEmpty { return false }
            let own = shared(member, task)
            return candidates(forCopyOf: task).contains { shared($0, task) < own }
        }

        private mutating func copy(_ task: TaskID, to member: Member) {
            standby[task, default: []].append(member)
            copyLoad[member, default: 0] += 1
        }
    }
}
