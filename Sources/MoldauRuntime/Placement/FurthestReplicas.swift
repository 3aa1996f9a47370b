import Foundation
import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

extension StreamThreadPlan {
    /// For tasks with several replicas on disk, the one that is furthest ahead and so has the least to restore. Opens
    /// the replicas, so it must run before any thread does. Blocks.
    /// - Throws: `StateError`.
    func furthestReplicas(of tasks: [TaskID], in stateDirectory: String?) throws -> [TaskID: Int] {
        guard let stateDirectory, let names = try? FileManager.default.contentsOfDirectory(atPath: stateDirectory),
            names.contains(where: { $0.contains("-copy-") })
        else { return [:] }
        let (held, parts) = (Set(names), topology.subtopologies)
        var furthest: [TaskID: Int] = [:]
        for task in tasks {
            guard let part = parts.first(where: { $0.number == task.subtopology }) else { continue }
            var most: Int64 = -1
            for replica in 0..<names.count where held.contains(TaskSet.directory(of: task, replica: replica)) {
                let reach = try reach(of: part, in: environment(of: task, replica: replica))
                if reach > most { (most, furthest[task]) = (reach, replica) }
            }
        }
        return furthest
    }

    /// How far the stores have read their changelogs: the sum of their offsets. Stores that cannot be opened for lack
    /// of space do not count.
    private func reach(of part: Subtopology, in environment: StoreEnvironment) throws -> Int64 {
        environment.changelogTopic = names.changelog
        defer { environment.close() }
        var sum: Int64 = 0
        do {
            for definition in part.stores {
                let store = try definition.open(in: environment)
                let reach = (store.changelogOffset.map { [$0] } ?? Array(store.positions.values)).map(\.value)
                sum += reach.reduce(0, +)
                try store.close()
            }
        } catch StateError.noSpace {}
        return sum
    }
}

extension StreamThreadPlan {
    /// What an earlier run has left on disk of tasks that are restored from changelogs. Opens the stores, so it must
    /// run before any thread does. Blocks.
    /// - Throws: `StateError`, `ClusterError`.
    func heldOnDisk(in stateDirectory: String?) throws -> [TaskID: MemberReport.Held] {
        guard let stateDirectory, let names = try? FileManager.default.contentsOfDirectory(atPath: stateDirectory)
        else {
            return [:]
        }
        let (found, parts) = (Set(names), topology.subtopologies.filter(\.canBeCopied))
        var held: [TaskID: MemberReport.Held] = [:]
        let consumer = try cluster.makeConsumer(clientID: clientID + "-look-up")
        defer { consumer.close() }
        for task in allTasks where found.contains(TaskSet.directory(of: task, replica: 0)) {
            guard let part = parts.first(where: { $0.number == task.subtopology }) else { continue }
            let changelogs = part.stores.filter(\.isLogged).map {
                TopicPartition(self.names.changelog(ofStore: $0.name), task.partition)
            }
            let size = try consumer.ends(of: Set(changelogs)).values.reduce(0) { $0 + $1.value }
            let reach = try reach(of: part, in: environment(of: task, replica: 0))
            held[task] = MemberReport.Held(isOwned: false, lag: max(0, size - reach), size: size)
        }
        return held
    }
}
