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
        try definition?.typedName?.requireStore(of: name)
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

extension StoreName {
    /// - Throws: `QueryError.wrongType` if the other name is that of another type of store.
    fileprivate func requireStore<Name: StoreName>(of other: Name) throws(QueryError) {
        guard Store.self == Name.Store.self else {
            throw .wrongType(store: name, expected: "\(Name.Store.self)", found: "\(Store.self)")
        }
    }
}
