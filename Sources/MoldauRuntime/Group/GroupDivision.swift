// Assigns an application's tasks to its processes: a pure function of the tasks and of the processes' reports.
//
// `StickyAssignment` decides where tasks belong: balanced, and with as few moves as that allows. This decides which
// tasks each process may have now, on the way there:
//
// - A task that another process still holds is assigned to no one: its owner sees that the task is not in its share,
//   commits and closes it, and starts a rebalance, which assigns it. So no two processes work on a task, and tasks that
//   stay are not interrupted. The share lists the tasks to be revoked: if the owner ends before it has started the
//   rebalance, the process that gets its share starts it instead.
// - A task with state goes only to a process whose stores do not lag far behind. Until one of its own is ready, the
//   process where the task belongs keeps a copy that catches up, a warm-up, and the task stays where it can run. At
//   most `mostWarmUps` copies catch up at once. A process whose warm-up has caught up starts a rebalance.
// - Standby copies are on other processes than their task, and if processes have tags, on processes with different
//   ones.

import MoldauTopology

/// The tasks that each process of an application may have.
package struct GroupDivision {
    /// The tasks to assign.
    package struct Work: Sendable {
        package var tasks: [TaskID]
        /// The tasks whose stores are restored from changelogs.
        package var stateful: Set<TaskID>
        /// The number of standby copies of each of these.
        package var standbys = 0

        package init(tasks: [TaskID], stateful: Set<TaskID> = [], standbys: Int = 0) {
            (self.tasks, self.stateful, self.standbys) = (tasks.sorted(), stateful, standbys)
        }
    }

    /// A process or thread that lags by at most this many records may take over a task: Kafka's
    /// `acceptable.recovery.lag`.
    static var acceptableLag: Int64 { 10_000 }
    /// How many warm-ups catch up at once. Kafka's `max.warmup.replicas`.
    private static var mostWarmUps: Int { 2 }

    private let work: Work
    private let reports: [String: MemberReport]
    private let members: [String]
    /// The member that holds each task.
    private var owners: [TaskID: String] = [:]
    private var loads: [String: Int] = [:]
    private var active: [String: [TaskID]] = [:]
    private var standby: [String: [TaskID]] = [:]
    private var warmUps: [String: [TaskID]] = [:]

    /// - Parameter reports: the members' reports, by member id.
    package init(_ work: Work, _ reports: [String: MemberReport]) {
        (self.work, self.reports) = (work, reports)
        members = reports.keys.sorted()
        for task in work.tasks {
            // Two members may claim a task if one of them was considered dead: the one that is further ahead keeps it.
            let claims = members.filter { reports[$0]?.held(of: task)?.isOwned ?? false }
            owners[task] = claims.min { (lag(task, $0), $0) < (lag(task, $1), $1) }
        }
        divide()
    }

    /// The shares of the members, by their ids.
    package var shares: [String: MemberShare] {
        var hosts: [String: [String]] = [:]
        for member in members {
            if let host = reports[member]?.host { hosts[host] = (active[member] ?? []).map(\.description) }
        }
        return members.reduce(into: [:]) { shares, member in
            var share = MemberShare(
                active: active[member] ?? [], standby: (standby[member] ?? []).sorted(), warmUps: warmUps[member] ?? [])
            let revoked = reports[member]?.owned.subtracting(active[member] ?? []) ?? []
            if !revoked.isEmpty { share.revoked = revoked.sorted().map(\.description) }
            share.terms = reports[member].map { DivisionTerms(work, for: $0) }
            share.hosts = hosts
            shares[member] = share
        }
    }

    private mutating func divide() {
        let target = StickyAssignment(
            .init(tasks: work.tasks, copied: work.stateful, standbys: work.standbys), members: Set(members),
            previous: previous, tags: reports.compactMapValues(\.tags))
        for (_, member) in target.active { loads[member, default: 0] += 1 }
        let places = exchanged(target.active)
        for task in work.tasks {
            guard let wanted = places[task] else { continue }
            let chosen = place(task, wanted: wanted)
            let copies = target.standby[task] ?? []
            for copy in copies where copy != chosen { standby[copy, default: []].append(task) }
            if chosen != wanted, !copies.contains(wanted), warmUpCount < Self.mostWarmUps {
                standby[wanted, default: []].append(task)
                warmUps[wanted, default: []].append(task)
            } else if chosen != wanted, copies.contains(wanted) {
                warmUps[wanted, default: []].append(task)
            }
            guard let owner = owners[task], owner != chosen else {
                active[chosen, default: []].append(task)
                continue
            }
            // Its stores stay open until it gets the task.
            if reports[chosen]?.held(of: task) != nil { standby[chosen, default: []].append(task) }
        }
    }

    /// If a member would first have to copy a task's stores, but already has those of another task of the same owner,
    /// that task moves instead.
    private func exchanged(_ target: [TaskID: String]) -> [TaskID: String] {
        var places = target
        for task in work.tasks where work.stateful.contains(task) {
            guard let wanted = places[task], let owner = owners[task], owner != wanted, !isReady(task, wanted),
                let other = work.tasks.first(where: { other in
                    owners[other] == owner && places[other] == owner && work.stateful.contains(other)
                        && reports[wanted]?.held(of: other) != nil && isReady(other, wanted)
                })
            else { continue }
            (places[task], places[other]) = (owner, wanted)
        }
        return places
    }

    private var warmUpCount: Int { warmUps.values.reduce(0) { $0 + $1.count } }

    /// The member to run a task now: the one where it belongs, or else one that is ready for it.
    private mutating func place(_ task: TaskID, wanted: String) -> String {
        guard work.stateful.contains(task), !isReady(task, wanted) else { return wanted }
        let ready = members.filter { isReady(task, $0) }
        let chosen =
            owners[task].flatMap { ready.contains($0) ? $0 : nil }
            ?? ready.min { (loads[$0] ?? 0, $0) < (loads[$1] ?? 0, $1) }
        guard let chosen else {
            // No member is ready: the one that is furthest ahead has the least to read.
            return owners[task] ?? members.filter { reports[$0]?.held(of: task) != nil }
                .min { (lag(task, $0), $0) < (lag(task, $1), $1) } ?? wanted
        }
        loads[wanted, default: 0] -= 1
        loads[chosen, default: 0] += 1
        return chosen
    }

    /// Whether a member could take over a task without reading much.
    private func isReady(_ task: TaskID, _ member: String) -> Bool { lag(task, member) <= Self.acceptableLag }

    private func lag(_ task: TaskID, _ member: String) -> Int64 {
        if let held = reports[member]?.held(of: task) { return held.lag }
        return members.compactMap { reports[$0]?.held(of: task)?.size }.max() ?? 0
    }

    /// The current owners, and the members with copies that could take over, the best first.
    private var previous: StickyAssignment<String> {
        var copies: [TaskID: [String]] = [:]
        for task in work.tasks where work.stateful.contains(task) {
            let holders = members.filter { $0 != owners[task] && reports[$0]?.held(of: task) != nil }
            let ready = holders.filter { isReady(task, $0) }
            copies[task] = (ready.isEmpty ? holders : ready).sorted { (lag(task, $0), $0) < (lag(task, $1), $1) }
        }
        return StickyAssignment(active: owners, standby: copies.filter { !$0.value.isEmpty })
    }
}
