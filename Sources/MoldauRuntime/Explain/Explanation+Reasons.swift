// Finds the reasons: from those that affect the whole application, over the tasks and their inputs, to single
// operators.

import MoldauRecords
import MoldauState
import MoldauTopology

/// The state of an application that is to be explained.
package struct ExplainedApplication {
    let topology: Topology
    let names: InternalTopicNames
    package var state = StreamsState.running
    var failure: (any Error)?
    package var isPaused = false
    package var guarantee = ProcessingGuarantee.atLeastOnce
    /// Tasks assigned to this process that none of its threads has.
    var unassigned: [TaskID] = []
    /// Threads that did not answer.
    var silent: [String] = []
    package var accounts: [ThreadAccount] = []
}

extension Explanation {
    /// Waits that take longer than this are reported.
    static var patience: Duration { .seconds(1) }

    package init(_ application: ExplainedApplication) {
        let flow = application.accounts.reduce(into: RecordFlow()) { $0.add($1.flow) }
        nodes = Self.nodes(of: application.topology, application.names, flow)
        (self.application, state) = (application.names.applicationID, application.state)
        reasons = application.lifeReasons + application.accounts.flatMap { application.threadReasons($0) }
        reasons += application.inputReasons + application.flowReasons(nodes)
        reasons += application.accounts.flatMap { account in
            account.tasks.flatMap { application.heldReasons($0, account) }
        }
    }
}

private typealias Reason = Explanation.Reason

extension ExplainedApplication {
    // MARK: The application

    fileprivate var lifeReasons: [Reason] {
        var reasons: [Reason] = []
        switch state {
        case .created:
            reasons.append(Reason(.notStarted, "the application has not been started: call run() or start()"))
        case .pendingShutdown, .notRunning:
            reasons.append(
                Reason(
                    .stopped, "the application was stopped, and processes nothing more: create a new one and run it"))
        case .error: reasons.append(failed)
        case .rebalancing, .running: break
        }
        if isPaused {
            reasons.append(Reason(.paused, "the application is paused, and processes nothing until resume() is called"))
        }
        reasons += silent.map { thread in
            Reason(
                .threadBusy,
                "\(thread) does not answer: a closure of the topology, or the disk, keeps it busy; find out with a "
                    + "debugger or 'top -H' where it is and what does not end")
        }
        reasons += unassigned.map { task in
            Reason(
                .taskUnassigned,
                "no thread has task \(task), so the records of partition \(task.partition) wait: a thread has failed or is just "
                    + "starting; if that does not change, look in the log for the error that stopped it", task: task)
        }
        return reasons
    }

    private var failed: Reason {
        let text = failure.map { "\($0)" } ?? "an unknown error"
        switch failure as? RuntimeError {
        case .missingSourceTopics(let topics), .missingNamedTopics(let topics):
            let node = topology.nodes.first { topics.contains($0.source?.topics.first ?? "") }?.name
            return Reason(
                .topicMissing, "the application could not start: \(text), or let newTopicPartitions create them",
                node: node)
        default:
            return Reason(
                .failed, "an error ended the application: \(text); correct the cause, and start it again")
        }
    }

    fileprivate func threadReasons(_ account: ThreadAccount) -> [Reason] {
        var reasons: [Reason] = []
        if let shortage = account.shortage {
            let (disk, stays) =
                shortage == .cluster
                ? ("the cluster takes no more records", "the work since the last commit will be retried")
                : ("the disk of the state is full", "what was done is committed")
            reasons.append(
                Reason(
                    .outOfDisk,
                    "\(disk), so \(account.thread) processes nothing until there is room: free disk space or keep topics for a "
                        + "shorter time; \(stays)"))
        }
        for lag in account.lags {
            let node = topology.globalTables.first { $0.store.name == lag.store }?.processorName
            reasons.append(
                Reason(
                    .restoring,
                    "'\(lag.store)' is being restored from \(lag.changelog): it is at \(lag.position) of \(lag.end), and its task "
                        + "takes no records until that is done; wait, or keep standby copies (standbys) for the next time",
                    node: node ?? topology.users(ofStore: lag.store).first, partition: lag.changelog,
                    count: lag.records))
        }
        return reasons
    }

    // MARK: Inputs

    fileprivate var inputReasons: [Reason] {
        let inputs = Dictionary(grouping: accounts.flatMap(\.tasks).filter(\.isRunning).flatMap(\.inputs)) {
            $0.partition.topic
        }
        return inputs.sorted(on: \.key).flatMap { topic, inputs -> [Reason] in
            let internals = topology.repartitionTopics.map { names.topic($0.name) }
            guard !internals.contains(topic), let first = inputs.first else { return [] }
            if inputs.allSatisfy({ $0.end == .zero && $0.taken == 0 }) {
                return [
                    Reason(
                        .topicEmpty,
                        "'\(topic)', which '\(first.node)' reads, has never had a record: check that its producer runs and "
                            + "writes to a topic of exactly this name on this cluster",
                        node: first.node, partition: first.partition)
                ]
            }
            let skipped = inputs.reduce(0) { $0 + ($1.start?.value ?? 0) }
            guard topology[first.node]?.source?.start == .latest, skipped > 0, inputs.allSatisfy({ $0.taken == 0 })
            else { return [] }
            return [
                Reason(
                    .startedAtEnd,
                    "'\(first.node)' began at the end of '\(topic)' and has read none of the \(skipped) records that were there: "
                        + "make its source start at .earliest to read them, or write new ones",
                    node: first.node, partition: first.partition, count: skipped)
            ]
        }
    }

    // MARK: Operators

    fileprivate func flowReasons(_ nodes: [Explanation.Node]) -> [Reason] {
        let byName = Dictionary(uniqueKeysWithValues: nodes.map { ($0.name, $0) })
        return nodes.flatMap { node in
            node.drops.compactMap { dropReason($0, of: node) } + [passReason(node, byName)].compactMap(\.self)
        }
    }

    private func dropReason(_ drop: Explanation.Drop, of node: Explanation.Node) -> Reason? {
        // Drops that may be the operator's purpose are reported only if it does almost nothing else.
        if drop.reason.isOrdinary, drop.count * 10 < node.recordsIn * 9 { return nil }
        let share = node.recordsIn >= drop.count ? "\(drop.count) of \(node.recordsIn)" : "\(drop.count)"
        return Reason(
            .recordsDropped,
            "'\(node.name)' dropped \(share) records, because \(drop.reason.explanation): \(drop.reason.remedy)",
            node: node.name, drop: drop.reason, count: drop.count, since: drop.first)
    }

    /// Why a node that took records and dropped none produced no output.
    private func passReason(_ node: Explanation.Node, _ nodes: [String: Explanation.Node]) -> Reason? {
        guard let described = topology[node.name] else { return nil }
        let parents = described.parents.compactMap { nodes[$0] }
        switch described.operation {
        case .branch where node.recordsIn == 0 && parents.contains { $0.recordsIn > 0 }:
            let tried = parents.reduce(0) { $0 + $1.recordsIn }
            return Reason(
                .branchNotTaken,
                "none of \(tried) records went to the branch '\(node.name)': none satisfies its predicate, or an earlier "
                    + "branch took them; check the predicates and their order", node: node.name, count: tried)
        case .gather where node.recordsIn == 0 && isInnerJoin(parents) && parents.allSatisfy(\.hasKept),
            .foreignKeyJoin(.inner, .answer) where node.recordsIn > 0 && node.recordsOut == 0,
            .selfJoin(.inner, _) where node.recordsIn > 0 && node.recordsOut == 0 && node.drops.isEmpty:
            return Reason(
                .noMatches,
                "the join '\(node.name)' has found no match yet: check that both sides have the same keys in the same format, "
                    + "and that their times are within the join's window if it has one; or use a left join",
                node: node.name, count: parents.reduce(0) { $0 + $1.recordsIn })
        case .filter, .flatMap, .flatMapValues, .process, .processValues:
            let hasChildren = topology.nodes.contains { $0.parents.contains(node.name) }
            guard hasChildren, node.recordsIn > 0, node.recordsOut == 0, node.drops.isEmpty else { return nil }
            return Reason(
                .nothingPasses,
                "'\(node.name)' (\(node.operation)) took \(node.recordsIn) records and passed none on: check its closure "
                    + "with some of these records", node: node.name, count: node.recordsIn)
        default: return nil
        }
    }

    private func isInnerJoin(_ sides: [Explanation.Node]) -> Bool {
        sides.contains { side in
            switch topology[side.name]?.operation {
            case .streamJoin(.inner, _), .tableJoin(.inner): true
            default: false
            }
        }
    }

    // MARK: Held records

    fileprivate func heldReasons(_ task: ThreadAccount.Task, _ account: ThreadAccount) -> [Reason] {
        var reasons = task.blocking.compactMap { waitReason($0.partition, until: $0.until, task, account) }
        reasons += task.held.compactMap { heldReason($0.records, at: $0.node, task, account) }
        let isOld = account.now.uptime - account.lastCommit >= Explanation.patience
        if guarantee == .exactlyOnce, task.hasUncommitted, isOld {
            reasons.append(
                Reason(
                    .uncommitted,
                    "the output of task \(task.id) since \(account.wall(account.lastCommit).text) is in a transaction that is "
                        + "not committed yet, and readers of committed records do not see it: shorten commitInterval if that is too late",
                    task: task.id, since: account.wall(account.lastCommit)))
        }
        return reasons
    }

    private func waitReason(
        _ partition: TopicPartition, until: Duration?, _ task: ThreadAccount.Task, _ account: ThreadAccount
    ) -> Reason? {
        guard let input = task.inputs.first(where: { $0.partition == partition }) else { return nil }
        // A fetch may be in flight.
        if until == nil, account.now.wall - input.lastNews < Explanation.patience { return nil }
        let end =
            until.map { "it continues at \(account.wall($0).text), when taskIdling ends" }
            ?? "the cluster has records of it that may not be read yet: perhaps a transaction of its producer is open"
        return Reason(
            .waitsForPartition,
            "task \(task.id) has records but waits for \(partition), which has had none since \(input.lastNews.text), to "
                + "process them in the order of their times; \(end); write to that partition, or let taskIdling wait less",
            node: input.node, task: task.id, partition: partition, since: input.lastNews)
    }

    private func heldReason(
        _ held: HeldRecords, at node: String, _ task: ThreadAccount.Task, _ account: ThreadAccount
    ) -> Reason? {
        let number = "\(held.count)" + (held.count == HeldRecords.countLimit ? " or more" : "")
        let what: (kind: Explanation.Reason.Kind, start: String, advice: String)
        switch held.wait {
        case .results:
            guard let since = held.since, account.now.uptime - since >= Explanation.patience else { return nil }
            return Reason(
                .waitsForResults,
                "'\(node)' waits for the results of asynchronous calls (calls: \(number)), the first of which began at "
                    + "\(account.wall(since).text), and results are passed on in order: check the service that it calls, and its timeout",
                node: node, task: task.id, count: held.count, since: account.wall(since))
        case .commit:
            guard account.now.uptime - account.lastCommit >= Explanation.patience else { return nil }
            return Reason(
                .waitsForCommit,
                "'\(node)' keeps the last changes of its keys until the next commit (keys: \(number)): shorten commitInterval, or emit "
                    + "every change", node: node, task: task.id, count: held.count,
                since: account.wall(account.lastCommit))
        case .windowClose:
            what = (.windowOpen, "'\(node)' emits windows when they close (open now: \(number))", "less grace")
        case .suppression:
            what = (.suppressed, "'\(node)' holds changes back (keys: \(number))", "a shorter wait or grace")
        case .match:
            what = (
                .waitsForMatch,
                "'\(node)' keeps records for which a match may still come (records: \(number))",
                "a smaller window or less grace"
            )
        case .lateRows:
            what = (
                .waitsForLateRows, "'\(node)' keeps records for late rows of its table (records: \(number))",
                "less grace"
            )
        }
        // Both sides of a join advance its time.
        let inputs = held.wait == .match ? task.inputs : inputs(of: node, task)
        let idle = inputs.max { $0.lastNews < $1.lastNews }
        let last = idle.map { ", and \($0.partition) has had no record since \($0.lastNews.text)" } ?? ""
        return Reason(
            what.kind,
            "\(what.start): the first is forwarded when stream time reaches \((held.due ?? .none).text), and it is now at "
                + "\(held.streamTime.text)\(last); only records advance it, so write one with a later time, or choose "
                + "\(what.advice)",
            node: node, task: task.id, partition: idle?.partition, count: held.count, streamTime: held.streamTime,
            due: held.due, since: idle?.lastNews)
    }

    /// The inputs of a task whose records reach a node.
    private func inputs(of node: String, _ task: ThreadAccount.Task) -> [ThreadAccount.Input] {
        let above = topology.upstream(of: [node])
        return task.inputs.filter { above.contains($0.node) }
    }
}

extension Explanation.Node {
    /// Whether it took records and dropped none.
    fileprivate var hasKept: Bool { recordsIn > 0 && drops.isEmpty }
}

extension Topology {
    /// These nodes and all nodes upstream of them.
    /// - Parameter crossing: whether to continue beyond repartition topics.
    func upstream(of nodes: [String], crossing: Bool = false) -> Set<String> {
        var (open, found) = (nodes, Set<String>())
        let repartitions = Set(crossing ? repartitionTopics.map(\.name) : [])
        while let name = open.popLast() {
            guard found.insert(name).inserted, let node = self[name] else { continue }
            open += node.parents
            for topic in node.source?.topics ?? [] where repartitions.contains(topic) {
                open += self.nodes.filter { if case .sink(topic, _) = $0.role { true } else { false } }.map(\.name)
            }
        }
        return found
    }
}
