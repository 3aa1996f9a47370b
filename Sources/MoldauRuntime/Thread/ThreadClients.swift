import MoldauCluster
import MoldauRecords

/// The clients through which a stream thread uses its cluster. Each thread has its own.
struct ThreadClients {
    /// Reads the inputs of tasks and global tables, and commits the group's positions with at-least-once.
    let consumer: any Consumer
    /// Reads changelogs.
    let restoreConsumer: any Consumer
    let admin: any Admin
    /// Sends through the thread's producer, which it holds.
    let outbox: Outbox
    private let plan: StreamThreadPlan

    /// Blocks: with exactly-once, a transaction that an earlier run left open is aborted first.
    init(_ plan: StreamThreadPlan) throws {
        self.plan = plan
        consumer = try plan.makeConsumer()
        restoreConsumer = try plan.cluster.makeConsumer(clientID: plan.clientID + "-restore-consumer")
        let producer = try plan.makeProducer()
        admin = try plan.cluster.makeAdmin()
        outbox = Outbox(
            names: plan.names, producer: producer, configuration: plan.configuration,
            createTopic: { [admin] in try admin.create([$0]) })
    }

    /// Called after the producer's transaction was aborted: replaces the producer, and discards what the outbox holds.
    /// Blocks.
    func renewProducer() throws {
        outbox.producer.close()
        outbox.begin(with: try plan.makeProducer())
    }

    /// Ends a wait for records or changelogs, from any thread.
    var wake: @Sendable () -> Void {
        { [consumer = consumer.wakeup, restoreConsumer = restoreConsumer.wakeup] in
            consumer.signal()
            restoreConsumer.signal()
        }
    }

    func close() {
        consumer.close()
        restoreConsumer.close()
        outbox.producer.close()
        admin.close()
    }
}
