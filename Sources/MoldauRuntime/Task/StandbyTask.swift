import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// A copy of a task's stores that follows their changelogs, so that its thread can take over the task quickly. It
/// processes nothing: the thread's `StoreRestorer` reads for it.
package final class StandbyTask {
    package let id: TaskID
    package let stores: TaskStores
    /// The input partitions whose committed metadata tells which windows were emitted; empty if windows are not emitted
    /// on close.
    let inputs: Set<TopicPartition>
    private let closing: [(store: any ExpiringStore, closingMs: Int64)]

    /// Opens the stores.
    /// - Throws: `StateError`, `ClusterError.unknownTopic`; stores that were already opened are closed.
    init(
        _ id: TaskID, _ subtopology: Subtopology, environment: StoreEnvironment, services: ThreadServices,
        now: RoundTime
    ) throws {
        self.id = id
        stores = try TaskStores(id, subtopology, environment: environment, services: services, now: now)
        closing = zip(stores.entries, subtopology.stores).compactMap { entry, definition in
            guard let closingMs = definition.closingMs, let store = entry.store as? any ExpiringStore else {
                return nil
            }
            return (store, closingMs)
        }
        let topics = closing.isEmpty ? [] : subtopology.sourceTopics.map(services.names.topic)
        inputs = Set(topics.map { TopicPartition($0, id.partition) }.filter(services.holds))
    }

    /// Evicts windows that are over and whose results were emitted.
    func follow(_ committed: [TopicPartition: CommittedOffset]) {
        for input in inputs {
            guard let metadata = committed[input].flatMap({ CommitMetadata(decoding: $0.metadata) }) else { continue }
            for (store, closingMs) in closing {
                guard let sent = metadata.processorTimes[store.name] else { continue }
                store.keptFrom = max(store.keptFrom, sent.subtractingCapped(closingMs).addingCapped(1))
            }
        }
    }

    /// Writes what was read to the stores' files, together with the position.
    func writeBehind() throws { for entry in stores.entries { try entry.store.writeBehind(force: true) } }

    /// Closes the stores, which keep what was read.
    func close() throws { try stores.close() }
}
