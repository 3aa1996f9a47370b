import Foundation
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
        let placement = try await placement(of: name.name, QueryOptions())
        guard let (plan, cluster) = planned else { throw QueryError.notRunning(state) }
        let partitions = Set(
            placement.isGlobal
                ? plan.restoring(name.name, nil)
                : placement.tasks.flatMap { plan.restoring(name.name, $0.partition) })
        guard let topic = partitions.first?.topic else { throw QueryError.notLogged(store: name.name) }
        // Clients block, and so must not run on Swift's pool.
        let subscription = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { [changeFeed] in
                continuation.resume(
                    with: Result { try changeFeed.follow(partitions, from: start, limit: limit, on: cluster) })
            }
        }
        return TableChanges(name: name, topic: topic, subscription: subscription)
    }

    /// The plan and its cluster; nil before the start.
    var planned: (StreamThreadPlan, any Cluster)? {
        inner.withLock { inner in inner.plan.flatMap { plan in inner.cluster.map { (plan, $0) } } }
    }
}
