import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

extension StreamsEngine {
    /// - Throws: `QueryError`, `ClusterError`; `CancellationError`.
    package func changes<Name: FollowableStoreName>(
        of name: Name, from start: ChangeStart, limit: Int
    ) async throws -> TableChanges<Name> where Name.Key: Sendable, Name.Value: Sendable {
        let (row, subscription) = try await follow(name, from: start, limit: limit)
        return TableChanges(row: row, subscription: subscription)
    }

    /// Follows the topic that a store is restored from.
    package func follow<Name: FollowableStoreName>(
        _ name: Name, from start: ChangeStart, limit: Int
    ) async throws -> (FollowedRow<Name>, ChangeSubscription) {
        let placement = try await placement(of: name.name, QueryOptions())
        guard let (plan, cluster) = planned else { throw QueryError.notRunning(state) }
        let definition = plan.topology.definition(ofStore: name.name)
        try definition?.require(name)
        let partitions = Set(
            placement.isGlobal
                ? plan.restoring(name.name, nil)
                : placement.tasks.flatMap { plan.restoring(name.name, $0.partition) })
        guard let topic = partitions.first?.topic else { throw QueryError.notLogged(store: name.name) }
        let subscription = try await onThread { [changeFeed] in
            try changeFeed.follow(partitions, from: start, limit: limit, on: cluster)
        }
        let windowSize = Duration.milliseconds(definition?.form?.sizeMs ?? 0)
        return (FollowedRow(name, in: topic, windowSize: windowSize), subscription)
    }

    /// The plan and its cluster; nil before the start.
    var planned: (StreamThreadPlan, any ClusterPort)? {
        inner.withLock { inner in inner.plan.flatMap { plan in inner.cluster.map { (plan, $0) } } }
    }
}

extension Topology {
    /// A store or global table; nil if there is none of that name.
    func definition(ofStore name: String) -> StoreDefinition? {
        stores.first { $0.name == name } ?? globalTables.first { $0.store.name == name }?.store
    }
}

extension StoreDefinition {
    /// - Throws: `QueryError.wrongType` if the name is that of another type of store, or has serdes of other formats.
    func require<Name: StoreName>(_ name: Name) throws(QueryError) {
        func compare<Held: StoreName>(_ held: Held) throws(QueryError) {
            guard Held.Store.self == Name.Store.self else {
                throw .wrongType(store: self.name, expected: "\(Name.Store.self)", found: "\(Held.Store.self)")
            }
            for (part, asked, held) in [
                ("keys", name.key.format, held.key.format), ("values", name.value.format, held.value.format),
            ] {
                guard let asked, let held, asked != held else { continue }
                throw .wrongType(
                    store: self.name, expected: "store of \(asked) \(part)", found: "store of \(held) \(part)")
            }
        }
        if let typedName { try compare(typedName) }
    }
}
