import MoldauTopology

/// The tasks of a stream thread: those that it processes, and those whose stores it keeps standby copies of. Each with
/// the number of the replica of its stores.
///
/// Each replica of a task's stores has its own directory in the process: 0 is `0_3`, 1 is `0_3-copy-1`. A thread that
/// takes over a task for which it keeps a standby copy continues with the same replica.
package struct TaskSet: Sendable, Equatable {
    package var active: [TaskID: Int]
    package var standby: [TaskID: Int]

    package init(active: [TaskID: Int] = [:], standby: [TaskID: Int] = [:]) {
        (self.active, self.standby) = (active, standby)
    }

    package var isEmpty: Bool { active.isEmpty && standby.isEmpty }

    /// The replica of the task's stores that the thread has, in either role.
    func replica(of task: TaskID) -> Int? { active[task] ?? standby[task] }

    /// The name of a replica's directory.
    package static func directory(of task: TaskID, replica: Int) -> String {
        replica == 0 ? "\(task)" : "\(task)-copy-\(replica)"
    }
}

/// The status of a stream thread.
package struct TaskStatus: Sendable, Equatable {
    /// Whether it processes all its tasks.
    package var isRunning: Bool
    /// Whether its standby copies could take over soon.
    package var isCaughtUp: Bool

    package init(isRunning: Bool = false, isCaughtUp: Bool = false) {
        (self.isRunning, self.isCaughtUp) = (isRunning, isCaughtUp)
    }
}
