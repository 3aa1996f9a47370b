import MoldauTopology

/// The tasks of a stream thread: those that it works on, and those of whose stores it keeps copies. With each the number
/// of its place.
///
/// The copies of a task in one process have places of their own: 0 is the directory `0_3`, 1 is `0_3-copy-1`. A copy stays
/// in its place when a task is taken over by the thread that keeps it.
package struct TaskSet: Sendable, Equatable {
    package var active: [TaskID: Int]
    package var standby: [TaskID: Int]

    package init(active: [TaskID: Int] = [:], standby: [TaskID: Int] = [:]) {
        (self.active, self.standby) = (active, standby)
    }

    package var isEmpty: Bool { active.isEmpty && standby.isEmpty }

    /// Where a task's copy lies, in whatever role.
    func place(of task: TaskID) -> Int? { active[task] ?? standby[task] }

    /// The name of the place's directory.
    package static func directory(of task: TaskID, place: Int) -> String {
        place == 0 ? "\(task)" : "\(task)-copy-\(place)"
    }
}

/// How a stream thread is doing with what it has.
package struct TaskStatus: Sendable, Equatable {
    /// Whether it processes all its tasks.
    package var isRunning: Bool
    /// Whether its copies are so far that they could take over soon.
    package var isCaughtUp: Bool

    package init(isRunning: Bool = false, isCaughtUp: Bool = false) {
        (self.isRunning, self.isCaughtUp) = (isRunning, isCaughtUp)
    }
}
