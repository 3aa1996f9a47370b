import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

extension StreamsEngine {
    /// - Throws: `QueryError`, `ClusterError`; `CancellationError`.
    package func changes<Name: TableName>(
        of name: Name, from start: ChangeStart, limit: Int
    ) async throws -> TableChanges<Name> where Name.Key: Sendable, Name.Value: Sendable {
        let (topic, subscription) = try await follow(name.name, from: start, limit: limit)
        return TableChanges(name: name, topic: topic, subscription: subscription)
    }

    /// Follows the topic that a store is restored from.
    func follow(
        _ store: String, from start: ChangeStart, limit: Int
    ) async throws -> (topic: String, ChangeSubscription) {
        let placement = try await placement(of: store, QueryOptions())
        guard let (plan, cluster) = planned else { throw QueryError.notRunning(state) }
        let partitions = Set(
            placement.isGlobal
                ? plan.restoring(store, nil) : placement.tasks.flatMap { plan.restoring(store, $0.partition) })
        guard let topic = partitions.first?.topic else { throw QueryError.notLogged(store: store) }
        let subscription = try await onThread { [changeFeed] in
            try changeFeed.follow(partitions, from: start, limit: limit, on: cluster)
        }
        return (topic, subscription)
    }

    /// The plan and its cluster; nil before the start.
    var planned: (StreamThreadPlan, any Cluster)? {
        inner.withLock { inner in inner.plan.flatMap { plan in inner.cluster.map { (plan, $0) } } }
    }
}
