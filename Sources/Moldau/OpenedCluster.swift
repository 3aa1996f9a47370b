import Foundation
import Logging
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import Synchronization

/// An application's cluster: opened at the start; closed at the end only if the application opened it.
final class OpenedCluster: Sendable {
    private let choice: ClusterChoice
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    private let own = Mutex<(cluster: any OwnedCluster, companion: (any ClusterCompanion)?)?>(nil)

    init(_ choice: ClusterChoice, clock: @escaping @Sendable () -> Timestamp, logger: Logger) {
        self.choice = choice
        self.clock = clock
        self.logger = logger
    }

    func open() throws -> any Cluster {
        switch choice.kind {
        case .given(let cluster): return cluster
        case .opened(let open):
            let cluster = try open(logger)
            own.withLock { $0 = (cluster, nil) }
            return cluster
        case .directory(let path, let durability):
            let cluster = try EmbeddedCluster(
                directory: path, durability: durability, clock: clock, logger: logger)
            do {
                let companion = try choice.companion?(cluster)
                own.withLock { $0 = (cluster, companion) }
            } catch {
                try? cluster.close()
                throw error
            }
            return cluster
        }
    }

    /// What is known of an embedded broker; nothing of another cluster, which has metrics of its own.
    func measure() async -> Measurements {
        guard let cluster = opened as? EmbeddedCluster else { return Measurements() }
        return await withCheckedContinuation { continuation in
            // Looking at files blocks, so it must not happen on Swift's cooperative pool.
            Thread { continuation.resume(returning: Self.measure(cluster)) }.start()
        }
    }

    private static func measure(_ cluster: EmbeddedCluster) -> Measurements {
        var found = Measurements()
        let use = cluster.use()
        for (topic, bytes) in use.topicBytes.sorted(by: { $0.key < $1.key }) { found.add(.topicSize, bytes, topic) }
        found.add(.brokerPartitions, use.partitionCount)
        found.add(.brokerGroups, use.groupCount)
        return found
    }

    /// How far groups have come; all of an embedded broker's, of another cluster only that one.
    func groupProgress(of group: String) async throws -> [GroupProgress] {
        guard let cluster = opened else { return [] }
        return try await withCheckedThrowingContinuation { continuation in
            // Clients block, and so must not run on Swift's pool.
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let admin = try cluster.makeAdmin(clientID: "\(group)-lag")
                        defer { admin.close() }
                        return try admin.progress(of: cluster is EmbeddedCluster ? nil : [group])
                    })
            }
        }
    }

    private var opened: (any Cluster)? {
        if case .given(let cluster) = choice.kind { return cluster }
        return own.withLock { $0?.cluster }
    }

    func close() throws {
        try own.withLock { opened in
            defer { opened = nil }
            opened?.companion?.end()
            try opened?.cluster.close()
        }
    }
}
