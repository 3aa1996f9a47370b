import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// The open stores of a task or standby copy, each with its changelog. A task that takes over gets the open stores of
/// the standby copy.
package struct TaskStores {
    /// A store and its changelog.
    package struct Entry {
        package let store: any StateStore
        /// The changelog that restores the store; nil for a store that is not logged.
        package let changelog: TopicPartition?
        /// Set if the changelog is an input topic of the task.
        package let source: SourceRestore?
        /// The outbox's batches for the changelog; nil if changes are not logged.
        let batches: BatchedTopic?
    }

    /// In the order in which they are flushed.
    package let entries: [Entry]
    private let environment: StoreEnvironment

    /// Opens the stores.
    /// - Throws: `StateError`, `ClusterError.unknownTopic` for changelogs; what was already opened is closed.
    package init(
        _ id: TaskID, _ subtopology: Subtopology, environment: StoreEnvironment, services: ThreadServices,
        now: RoundTime
    ) throws {
        self.environment = environment
        environment.changelogTopic = services.names.changelog
        environment.origin = { Self.origin(of: $0, subtopology, services) }
        var opened: [any StateStore] = []
        do {
            entries = try subtopology.stores.map { definition in
                let store = try definition.open(in: environment)
                opened.append(store)
                if definition.closingMs != nil { (store as? any ExpiringStore)?.keptFrom = 0 }
                return try Self.entry(store, id, subtopology, services, now)
            }
        } catch {
            for store in opened { try? store.close() }
            environment.close()
            throw error
        }
    }

    private static func origin(
        of store: String, _ subtopology: Subtopology, _ services: ThreadServices
    ) -> StoreOrigin? {
        if let source = subtopology.sourceChangelogs.first(where: { $0.store == store }) {
            let topic = services.names.topic(source.topic)
            return StoreOrigin(topic: topic, id: services.topicIDs[topic], isChangelog: false)
        }
        guard subtopology.stores.contains(where: { $0.name == store && $0.isLogged }) else { return nil }
        let topic = services.names.changelog(ofStore: store)
        return StoreOrigin(topic: topic, id: services.topicIDs[topic], isChangelog: true)
    }

    private static func entry(
        _ store: any StateStore, _ id: TaskID, _ subtopology: Subtopology, _ services: ThreadServices,
        _ now: RoundTime
    ) throws -> Entry {
        if let changelog = subtopology.sourceChangelogs.first(where: { $0.store == store.name }) {
            let source = try SourceRestore(changelog, of: store, task: id, services: services, now: now)
            let isThere = services.holds(source.partition)
            return Entry(
                store: store, changelog: isThere ? source.partition : nil, source: isThere ? source : nil, batches: nil)
        }
        guard store.isLogged else { return Entry(store: store, changelog: nil, source: nil, batches: nil) }
        return Entry(
            store: store,
            changelog: TopicPartition(services.names.changelog(ofStore: store.name), id.partition), source: nil,
            batches: try services.outbox.batches(forChangelogOf: store.name))
    }

    /// The store with that name.
    subscript(name: String) -> (any StateStore)? { entries.first { $0.store.name == name }?.store }

    /// How many changelog records the stores represent, at most: the sum of their offsets.
    var size: Int64 {
        entries.reduce(0) { $0 + ($1.changelog == nil ? 0 : $1.store.changelogOffset?.value ?? 0) }
    }

    /// Closes all stores, even if one throws. They keep what was committed and discard the rest.
    /// - Throws: the first error.
    package func close() throws {
        var first: (any Error)?
        for entry in entries {
            do { try entry.store.close() } catch StateError.noSpace where entry.changelog != nil {
                // Rows that could not be saved for lack of space are restored from the changelog.
            } catch { first = first ?? error }
        }
        environment.close()
        if let first { throw first }
    }
}

extension Subtopology {
    /// Whether a task can have standby copies: it has stores, and changelogs restore all of them.
    var canBeCopied: Bool {
        let sources = Set(sourceChangelogs.map(\.store))
        return !stores.isEmpty && stores.allSatisfy { $0.isLogged || sources.contains($0.name) }
    }
}

extension Topology {
    /// The tasks among these that can have standby copies.
    func copiable(_ tasks: [TaskID]) -> Set<TaskID> {
        let parts = Set(subtopologies.filter(\.canBeCopied).map(\.number))
        return Set(tasks.filter { parts.contains($0.subtopology) })
    }
}
