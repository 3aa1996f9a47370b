import MoldauCluster
import MoldauClusterKafka
import MoldauRecords
import Testing

private let partition = TopicPartition("t", 0)

/// An unreachable cluster.
struct TimeLimitTests {
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            { @Sendable cluster in _ = try cluster.makeAdmin().topics() },
            { cluster in try cluster.makeAdmin().create([NewTopic("t", partitionCount: 1)]) },
            { cluster in _ = try cluster.makeConsumer(clientID: "c").ends(of: [partition]) },
            { cluster in
                let options = ConsumerOptions(clientID: "c", group: "g")
                _ = try cluster.makeConsumer(options).committed([partition])
            },
            { cluster in
                _ = try cluster.makeTransactionalProducer(
                    TransactionalProducerOptions(clientID: "p", id: "p", timeout: .seconds(60)))
            },
        ] as [@Sendable (KafkaCluster) throws -> Void])
    func `a request takes no longer than delivery.timeout.ms`(ask: @escaping @Sendable (KafkaCluster) throws -> Void)
        async throws
    {
        var options = KafkaOptions()
        options.deliveryTimeout = .milliseconds(300)
        let cluster = try KafkaCluster("127.0.0.1:1", options: options)
        let began = ContinuousClock.now
        _ = await onThread { #expect(throws: ClusterError.self) { try ask(cluster) } }
        #expect(ContinuousClock.now - began < .seconds(20))
        await cluster.close()
    }
}
