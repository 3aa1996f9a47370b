import MoldauState
import MoldauTopology

/// What the work of a message may access. Must not be kept: it belongs to the thread.
package struct ThreadContents {
    private let thread: String
    private let heldTasks: HeldTasks
    private let globalTables: GlobalTables

    init(of thread: String, _ heldTasks: HeldTasks, _ globalTables: GlobalTables) {
        (self.thread, self.heldTasks, self.globalTables) = (thread, heldTasks, globalTables)
    }

    /// The stores of a task that the thread processes.
    /// - Throws: `ThreadMailboxError.taskNotHere` if the thread does not process it (any more, or yet).
    package func stores(of task: TaskID) throws(ThreadMailboxError) -> [any StateStore] {
        guard let task = heldTasks.running.first(where: { $0.id == task }) else {
            throw .taskNotHere(task, thread: thread)
        }
        return task.stores.entries.map(\.store)
    }

    /// The thread's copies of the global tables.
    package var globalStores: [any StateStore] { globalTables.stores }
}
