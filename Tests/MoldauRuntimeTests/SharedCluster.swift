import MoldauCluster
import MoldauClusterEmbedded
import MoldauRuntime
import Synchronization

/// A cluster whose group returns these shares to a process, one per division that it requests, and then assigns all of
/// the work to that process.
final class SharedCluster: ClusterPort {
    private let inner: EmbeddedCluster
    private let shares: Mutex<[MemberShare]>
    private let asked = Mutex(0)
    private let worker = Mutex<(any GroupWorker)?>(nil)

    init(_ inner: EmbeddedCluster, _ shares: [MemberShare]) {
        self.inner = inner
        self.shares = Mutex(shares)
    }

    /// How often the process has requested a division.
    var divisions: Int { asked.withLock(\.self) }

    func makeConsumer(_ options: ConsumerOptions) throws -> any Consumer { try inner.makeConsumer(options) }
    func makeProducer(_ options: ProducerOptions) throws -> any Producer { try inner.makeProducer(options) }
    func makeTransactionalProducer(_ options: TransactionalProducerOptions) throws -> any TransactionalProducer {
        try inner.makeTransactionalProducer(options)
    }
    func makeAdmin() throws -> any Admin { try inner.makeAdmin() }

    /// Gives the process a share that it has not requested.
    func hand(_ share: MemberShare) throws {
        let bytes = try share.encoded()
        worker.withLock(\.self)?.take(bytes)
    }

    func join(group: String, _ worker: any GroupWorker) throws -> GroupMembership {
        self.worker.withLock { $0 = worker }
        let divided = GroupMembership(alone: worker)
        return GroupMembership(
            isShared: true,
            rebalance: { [self] in
                asked.withLock { $0 += 1 }
                let share = shares.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                guard let share else { return divided.rebalance() }
                do { worker.take(try share.encoded()) } catch { worker.failed(.unavailable(reason: "\(error)")) }
            }, end: {})
    }
}
