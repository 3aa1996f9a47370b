// How the processes of an application share its tasks. One of them assigns the tasks (`GroupDivision`), from the
// reports of all processes (`MemberReport`); each follows its share (`MemberShare`):
//
//     share ──▸ `TaskPlacement`: threads revoke tasks outside the share, after a commit, and open new ones
//            ──▸ all tasks outside the share are revoked, or a warm-up has caught up: another rebalance begins
//
// On a cluster that allows only one process, that process assigns the tasks too, and gets all of them at once.

import Logging
import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

/// The group's callbacks to an application's process.
final class GroupLink: GroupWorker {
    private struct Link {
        weak var engine: StreamsEngine?
    }

    private let link: Mutex<Link>

    init(_ engine: StreamsEngine) { link = Mutex(Link(engine: engine)) }

    private var engine: StreamsEngine? { link.withLock { $0.engine } }

    func report() -> GroupReport { engine?.groupReport() ?? GroupReport(topics: [], data: []) }
    func divide(_ reports: [String: [UInt8]]) throws -> [String: GroupShare] { try engine?.divide(reports) ?? [:] }
    func take(_ share: [UInt8]) { engine?.takeShare(share) }
    func lost(because reason: String) { engine?.loseShare(reason) }
    func failed(_ error: ClusterError) { engine?.fail(error) }
}

/// A process's membership in its application's group.
struct GroupPlace {
    /// The process's own name; nil if it is the only one.
    var process: String?
    /// The tasks assigned to the process; nil before the first assignment.
    var share: MemberShare?
    /// Whether it starts a rebalance once it holds no task outside its share: other processes wait for these tasks.
    var owesDivision = false
    /// Whether the next share is the first one since the start: it may be that of the previous process.
    var isNew = true
    /// The tasks that it found on disk when it started, and has not opened since.
    var onDisk: [TaskID: MemberReport.Held] = [:]
}

extension StreamsEngine {
    /// The tasks of the processes that have announced an address for queries, as last assigned.
    package var hosts: [String: [TaskID]] {
        (inner.withLock { $0.group.share }?.hosts ?? [:]).mapValues { $0.compactMap(TaskID.init(named:)).sorted() }
    }

    // MARK: The group's callbacks

    func groupReport() -> GroupReport {
        inner.withLock { inner in
            let topics = inner.plan.map { plan in
                Set(plan.topology.subtopologies.flatMap(\.sourceTopics).map(plan.names.topic))
            }
            let report = memberReport(of: inner.group.process, inner.heldTasks)
            // Encoding names and numbers cannot fail.
            return GroupReport(topics: topics ?? [], data: (try? report.encoded()) ?? [])
        }
    }

    private func memberReport(of process: String?, _ held: [TaskID: MemberReport.Held] = [:]) -> MemberReport {
        var report = MemberReport(process: process ?? "", host: configuration.applicationServer, held: held)
        if !configuration.clientTags.isEmpty { report.tags = configuration.clientTags }
        return report
    }

    func divide(_ reports: [String: [UInt8]]) throws -> [String: GroupShare] {
        let told = try Dictionary(
            uniqueKeysWithValues: reports.map { ($0.key, try MemberReport.decoded($0.value, of: $0.key)) })
        guard case (let plan?, let work?) = inner.withLock({ ($0.plan, $0.groupWork) }) else { return [:] }
        let shares = GroupDivision(work, told).shares
        logger.info(
            "\(names.applicationID) divides \(work.tasks.count) tasks among \(told.count) \(told.count == 1 ? "process" : "processes")",
            metadata: [
                "shares": "\(shares.sorted(on: \.key).map { "\($0.value.active)" }.joined(separator: "; "))"
            ])
        return try shares.mapValues { share in
            let partitions = share.activeTasks.flatMap { plan.inputs(of: $0) }
            return GroupShare(partitions: Set(partitions), data: try share.encoded())
        }
    }

    func takeShare(_ bytes: [UInt8]) {
        let share: MemberShare
        do { share = try MemberShare.decoded(bytes, of: "leader") } catch {
            return fail(.unavailable(reason: "\(error)"))
        }
        let tasks = share.activeTasks.sorted().map(\.description).joined(separator: ", ")
        note(.rebalance, tasks.isEmpty ? "this process has no task" : "this process has the tasks \(tasks)")
        change { inner in
            guard let plan = inner.plan else { return }
            // Only once: while processes of two versions run, the one that assigns may use other terms than this one.
            let isOutdated = inner.group.isNew && !inner.matches(share.terms, memberReport(of: inner.group.process))
            inner.group.isNew = false
            let known = inner.group.share?.activeTasks ?? []
            plan.paceBoard.expect(share.activeTasks, besides: known)
            inner.group.share = share
            for task in share.activeTasks.union(share.standbyTasks) { inner.group.onDisk[task] = nil }
            inner.placement.take(inner.work(of: share, plan, standbys: configuration.standbys))
            inner.group.owesDivision = isOutdated || share.owesDivision(having: inner.placement.mayWorkOn)
        }
    }

    /// Other processes may have this one's tasks: threads close them without a commit, which the group would refuse.
    func loseShare(_ reason: String) {
        logger.warning(
            "\(names.applicationID) was removed from its group (\(reason)); its tasks continue elsewhere, and it joins again"
        )
        note(.rebalance, "the group removed this process, which joins again: \(reason)")
        change { inner in
            inner.group.share = MemberShare()
            inner.placement.take(StickyAssignment<Int>.Work(tasks: []))
            inner.group.owesDivision = true
        }
    }

    /// The process has left the group for good: the application ends.
    func fail(_ error: ClusterError) {
        let loops = inner.withLock { inner in
            inner.failure = inner.failure ?? error
            return Array(inner.loops.values)
        }
        logger.error("\(names.applicationID) cannot stay in its group: \(error)")
        shutDown(loops)
    }

    /// Starts a rebalance if one is due. Call after each change of the tasks that threads hold.
    func rebalanceIfDue() {
        let membership = inner.withLock { inner -> GroupMembership? in
            guard inner.isDivisionDue else { return nil }
            if inner.group.owesDivision, let tasks = inner.group.share?.activeTasks {
                // Progress published for tasks that are gone must not delay anyone.
                inner.plan?.paceBoard.expect(tasks, besides: tasks)
            }
            inner.group.owesDivision = false
            inner.group.share?.warmUps = []
            return inner.membership
        }
        membership?.rebalance()
    }
}

extension StreamsEngine.Inner {
    /// What the process holds of each task.
    fileprivate var heldTasks: [TaskID: MemberReport.Held] {
        var held = group.onDisk
        for task in placement.standbyTasks { held[task] = MemberReport.Held(isOwned: false) }
        for task in placement.mayWorkOn { held[task] = MemberReport.Held(isOwned: true) }
        for report in loops.values.flatMap(\.reports) {
            for lag in report.lags {
                guard let task = plan?.task(of: lag) else { continue }
                held[task]?.add(lag.records, of: lag.end)
            }
            for (task, size) in report.sizes { held[task]?.size = size }
        }
        return held
    }

    fileprivate var groupWork: GroupDivision.Work? {
        guard let plan else { return nil }
        return GroupDivision.Work(
            tasks: plan.allTasks, stateful: plan.topology.copiable(plan.allTasks),
            standbys: group.process == nil ? 0 : plan.configuration.standbys)
    }

    /// Whether the process would assign by these terms.
    fileprivate func matches(_ terms: DivisionTerms?, _ report: MemberReport) -> Bool {
        guard let terms, let groupWork else { return true }
        return terms == DivisionTerms(groupWork, for: report)
    }

    /// The tasks and copies that this process's threads share.
    fileprivate func work(
        of share: MemberShare, _ plan: StreamThreadPlan, standbys: Int
    ) -> StickyAssignment<Int>.Work {
        let known = Set(plan.allTasks)
        let tasks = plan.allTasks.filter(share.activeTasks.contains)
        return StickyAssignment<Int>.Work(
            tasks: tasks, copied: plan.topology.copiable(tasks),
            // On a cluster with several processes, standby copies are for the failure of a process.
            standbys: group.process == nil ? standbys : 0, followed: share.standbyTasks.intersection(known))
    }

    /// Whether a rebalance is due: others wait for tasks that this process has revoked, or a warm-up may take over.
    fileprivate var isDivisionDue: Bool {
        guard let share = group.share, !isStopRequested, !isReplanning else { return false }
        if group.owesDivision { return placement.mayWorkOn.isSubset(of: share.activeTasks) }
        if share.warmUps.isEmpty { return false }
        let held = heldTasks
        return share.warmUpTasks.contains { task in
            placement.standbyTasks.contains(task) && plan?.isOpen(task, in: loops.values.flatMap(\.reports)) ?? false
                && held[task]?.lag ?? .max <= GroupDivision.acceptableLag
        }
    }
}

extension StreamThreadPlan {
    /// The partitions that a task reads.
    func inputs(of task: TaskID) -> [TopicPartition] {
        guard let part = topology.subtopologies.first(where: { $0.number == task.subtopology }) else { return [] }
        return part.sourceTopics.map(names.topic).filter { partitionCounts[$0] ?? 0 > task.partition.number }
            .map { TopicPartition($0, task.partition) }
    }

    /// The task whose store lags.
    fileprivate func task(of lag: StoreLag) -> TaskID? {
        topology.subtopologies.first { part in part.stores.contains { $0.name == lag.store } }
            .map { TaskID(subtopology: $0.number, partition: lag.changelog.partition) }
    }

    /// Whether the stores of a copy are open, so that its lag is known.
    fileprivate func isOpen(_ task: TaskID, in reports: [StreamThreadReport]) -> Bool {
        reports.contains { report in report.lags.contains { self.task(of: $0) == task && $0.isStandby } }
    }
}
