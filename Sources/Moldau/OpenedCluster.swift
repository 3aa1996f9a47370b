import Logging
import MoldauCluster
import MoldauRecords
import Synchronization

/// An application's cluster: opened at the start, closed at the end.
final class OpenedCluster: Sendable {
    private let choice: ClusterChoice
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    private let cluster = Mutex<OpenCluster?>(nil)

    init(_ choice: ClusterChoice, clock: @escaping @Sendable () -> Timestamp, logger: Logger) {
        (self.choice, self.clock, self.logger) = (choice, clock, logger)
    }

    func open() throws -> any ClusterPort {
        let opened = try choice.open(clock, logger)
        cluster.withLock { $0 = opened }
        return opened.port
    }

    func close() throws {
        try cluster.withLock { $0.take() }?.close()
    }
}
