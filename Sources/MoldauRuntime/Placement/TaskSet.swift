import MoldauTopology

/// The tasks of a stream thread: those that it works on, and those of whose stores it keeps standby copies. With each the number
/// of the replica of its stores.
///
/// Each replica of a task's stores has a directory of its own in the process: 0 is `0_3`, 1 is `0_3-copy-1`. A thread that keeps a
/// standby copy works on the same replica when it takes the task over.
package struct TaskSet: Sendable, Equatable {
    package var active: [TaskID: Int]
    package var standby: [TaskID: Int]

    package init(active: [TaskID: Int] = [:], standby: [TaskID: Int] = [:]) {
        (self.active, self.standby) = (active, standby)
    }

    package var isEmpty: Bool { active.isEmpty && standby.isEmpty }

    /// The replica of the task's stores that the thread has, in whatever role.
    func replica(of task: TaskID) -> Int? { active[task] ?? standby[task] }

    /// The name of a replica's directory.
    package static func directory(of task: TaskID, replica: Int) -> String {
        replica == 0 ? "\(task)" : "\(task)-copy-\(replica)"
    }
}

/// How a stream thread is doing with what it has.
package struct TaskStatus: Sendable, Equatable {
    /// Whether it processes all its tasks.
    package var isRunning: Bool
    /// Whether its standby copies could take over soon.
    package var isCaughtUp: Bool

    package init(isRunning: Bool = false, isCaughtUp: Bool = false) {
        (self.isRunning, self.isCaughtUp) = (isRunning, isCaughtUp)
    }
}
