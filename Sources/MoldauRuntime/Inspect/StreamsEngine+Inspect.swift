import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

/// What a console shows about the engine.
extension StreamsEngine {
    /// The events, the newest last; at most 500.
    package var events: [ApplicationEvent] { eventLog.events }

    /// The structure of the running topology.
    package var graph: TopologyGraph {
        inner.withLock { inner in
            if let graph = inner.graph { return graph }
            let graph = TopologyGraph(
                inner.plan?.topology ?? topology, application: names.applicationID, topicName: names.topic,
                changelogName: names.changelog(ofStore:), partitions: inner.plan?.partitionCounts ?? [:])
            inner.graph = graph
            return graph
        }
    }

    /// nil before the start.
    package var startedAt: Timestamp? { inner.withLock { $0.startedAt } }

    /// The names of the threads that are processing: not of those being opened, or waiting for a restart.
    package var aliveThreads: Set<String> {
        inner.withLock { inner in Set(inner.loops.filter { $0.value.mailbox != nil }.map { names.thread($0.key) }) }
    }

    /// The size of this process's stores in bytes, that of the topics if a broker in this process keeps them, and the
    /// space of the stores' file system; nil if nothing is kept on disk. Opens closed logs.
    /// - Throws: `CancellationError`.
    package func diskUse() async throws -> (storeBytes: Int, topicBytes: Int?, space: DiskSpace?)? {
        guard let stateDirectory else { return nil }
        let stores = try await askThreads { contents, _ in contents.storeFileBytes }.answers
        let cluster = inner.withLock { $0.cluster } as? any InProcessCluster
        let topics = await onThread { cluster?.use().topicBytes.values.reduce(0, +) }
        return (stores.reduce(0, +), topics, DiskSpace(at: stateDirectory))
    }

    /// The cluster that the application runs on, and the client id that a console uses.
    /// - Throws: `QueryError.notRunning` before the start and after the end.
    package var consoleAccess: (cluster: any ClusterPort, clientID: String) {
        get throws(QueryError) {
            let (cluster, state) = inner.withLock { ($0.cluster, $0.state) }
            guard let cluster, !state.isOver else { throw .notRunning(state) }
            return (cluster, "\(names.applicationID)-console")
        }
    }
}
