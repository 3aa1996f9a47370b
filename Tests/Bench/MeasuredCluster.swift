import Moldau
import MoldauCluster
import Synchronization

/// A cluster that measures its commits: how long threads wait until their writes are acknowledged.
final class MeasuredCluster: ClusterPort {
    private let inner: any ClusterPort
    let commits = Mutex((count: 0, time: Duration.zero))

    init(_ inner: any ClusterPort) { self.inner = inner }

    func makeConsumer(_ options: ConsumerOptions) throws -> any Consumer { try inner.makeConsumer(options) }
    func makeProducer(_ options: ProducerOptions) throws -> any Producer {
        MeasuredProducer(try inner.makeProducer(options), self)
    }
    func makeTransactionalProducer(_ options: TransactionalProducerOptions) throws -> any TransactionalProducer {
        MeasuredTransactionalProducer(try inner.makeTransactionalProducer(options), self)
    }
    func makeAdmin() throws -> any Admin { try inner.makeAdmin() }

    fileprivate func measure(_ body: () throws -> Void) rethrows {
        let start = ContinuousClock.now
        try body()
        commits.withLock {
            $0.count += 1
            $0.time += ContinuousClock.now - start
        }
    }
}

private class MeasuredProducer: InProcessProducer {
    private let inner: any Producer
    fileprivate let cluster: MeasuredCluster

    init(_ inner: any Producer, _ cluster: MeasuredCluster) {
        self.inner = inner
        self.cluster = cluster
    }

    func stamp(for partition: TopicPartition) -> ProducerStamp { inner.stamp(for: partition) }
    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        try inner.send(batch, to: partition)
    }
    func send(built batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        guard let inner = inner as? any InProcessProducer else { return try inner.send(batch, to: partition) }
        try inner.send(built: batch, to: partition)
    }
    func flush() throws { try cluster.measure { try inner.flush() } }
    func acknowledgedEnd(of partition: TopicPartition) -> Offset? { inner.acknowledgedEnd(of: partition) }
    func partitionCount(of topic: String) throws -> Int32 { try inner.partitionCount(of: topic) }
    func close() { inner.close() }
}

private final class MeasuredTransactionalProducer: MeasuredProducer, TransactionalProducer {
    private let transactions: any TransactionalProducer

    init(_ inner: any TransactionalProducer, _ cluster: MeasuredCluster) {
        transactions = inner
        super.init(inner, cluster)
    }

    func commit(_ offsets: [TopicPartition: CommittedOffset], of group: GroupMetadata) throws {
        try cluster.measure { try transactions.commit(offsets, of: group) }
    }
    func abort() throws { try transactions.abort() }
}
