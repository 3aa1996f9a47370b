import Logging
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
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

    func open() throws -> any ClusterPort {
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

    func close() throws {
        try own.withLock { opened in
            defer { opened = nil }
            opened?.companion?.end()
            try opened?.cluster.close()
        }
    }
}
