// How a stream thread gets tasks and gives them up while it runs; the tasks that it keeps go on meanwhile.
//
// A running task goes after a commit, so that whoever has it next finds its position, and its changelog at its end. Where
// the commit has to wait, for results of asynchronous operators or for room on the disk, the task waits with it. A task
// that is still being restored has nothing to commit.

import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

extension StreamThread {
    /// Gives up what is not granted, as soon as it is committed, and opens what is. Blocks for both.
    func followGrants(now: RoundTime) throws {
        guard granted != held else { return }
        try giveUp(now: now)
        try takeUp(now: now)
    }

    /// Lets standby copies take in what there is.
    func follow(now: RoundTime) throws {
        try restorer.step(wait: .zero, now: now.uptime)
        let inputs = standbys.reduce(into: Set<TopicPartition>()) { $0.formUnion($1.inputs) }
        guard !inputs.isEmpty else { return }
        if let lastFollow, now.uptime - lastFollow < .seconds(1) { return }
        lastFollow = now.uptime
        let committed = try consumer.committed(inputs)
        for standby in standbys { standby.follow(committed) }
    }

    /// How it is doing with what it has.
    package var status: TaskStatus {
        TaskStatus(isRunning: phase == .running, isCaughtUp: restorer.maxLag <= Self.acceptableLag)
    }

    /// A copy that is this many records behind counts as one that can take over soon: Kafka's `acceptable.recovery.lag`.
    private static var acceptableLag: Int64 { 10_000 }

    /// The partitions of running tasks that are not granted any more.
    package var leavingPartitions: Set<TopicPartition> {
        Set(running.filter { granted.active[$0.id] != held.active[$0.id] }.flatMap(\.partitions))
    }

    private func giveUp(now: RoundTime) throws {
        for standby in standbys where granted.place(of: standby.id) != held.standby[standby.id] {
            try restorer.remove(standby.stores)
            standbys.removeAll { $0 === standby }
            held.standby[standby.id] = nil
            try standby.close()
        }
        let gone = tasks.filter { granted.active[$0.id] != held.active[$0.id] }
        guard !gone.isEmpty else { return leaving = [] }
        for task in gone where !task.hasBegun { try close(task) }
        leaving = Set(gone.filter(\.hasBegun).map(\.id))
        if !leaving.isEmpty {
            // Until then no task takes records whose results come later.
            isCommitAwaited = true
            guard try settle(now: now) else { return }
            try commit(now: now)
            guard !isOutOfSpace else { return }
            for task in gone where task.hasBegun { try close(task) }
            leaving = []
            try assign()
        }
        listRunning()
    }

    func close(_ task: StreamTask) throws {
        try restorer.remove(task.stores)
        done.add(task)
        tasks.removeAll { $0 === task }
        running.removeAll { $0 === task }
        for partition in task.partitions { owners[partition] = nil }
        pausedPartitions.subtract(task.partitions)
        held.active[task.id] = nil
        try task.close()
    }

    /// Opens what is granted and not there yet.
    func takeUp(now: RoundTime) throws {
        for (id, place) in granted.active.sorted(by: { $0.key < $1.key }) where held.active[id] == nil {
            guard let part = parts[id.subtopology] else { continue }
            let task = try open(id, part, place: place, now: now)
            tasks.append(task)
            held.active[id] = place
            try restorer.add(task.stores, now: now.uptime)
        }
        for (id, place) in granted.standby.sorted(by: { $0.key < $1.key }) where held.place(of: id) == nil {
            guard let part = parts[id.subtopology] else { continue }
            let standby = try StandbyTask(
                id, part, environment: plan.environment(of: id, place: place), services: services, now: now)
            standbys.append(standby)
            held.standby[id] = place
            try restorer.add(standby.stores, follows: true, now: now.uptime)
        }
        tasks.sort { $0.id < $1.id }
        if phase == .running { listRunning() }
    }

    /// A task on the stores of the copy that is here, or else on those in its place.
    private func open(_ id: TaskID, _ part: Subtopology, place: Int, now: RoundTime) throws -> StreamTask {
        guard let index = standbys.firstIndex(where: { $0.id == id }) else {
            return try StreamTask(
                id, part, environment: plan.environment(of: id, place: place), services: services, now: now)
        }
        let standby = standbys.remove(at: index)
        held.standby[id] = nil
        try restorer.remove(standby.stores)
        return try StreamTask(id, part, stores: standby.stores, services: services, now: now)
    }
}
