import MoldauRecords
import MoldauState
import MoldauTopology

/// A copy of a task's stores that follows their changelogs, so that who keeps it can take over soon. It processes nothing:
/// the thread's `StoreRestorer` reads for it.
package final class StandbyTask {
    package let id: TaskID
    package let stores: TaskStores

    /// Opens the stores.
    /// - Throws: `StateError`, `ClusterError.unknownTopic`; what was opened is closed.
    init(
        _ id: TaskID, _ subtopology: Subtopology, environment: StoreEnvironment, surroundings: TaskSurroundings,
        now: Timestamp
    ) throws {
        self.id = id
        stores = try TaskStores(id, subtopology, environment: environment, surroundings: surroundings, now: now)
    }

    /// Stores what was read, with how far that is.
    func writeBehind() throws { for entry in stores.entries { try entry.store.writeBehind(force: true) } }

    /// Stores keep what was read.
    func close() throws { try stores.close() }
}
