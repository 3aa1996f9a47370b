import MoldauCluster
import MoldauRecords

/// What a stream thread reaches its cluster through. All of them are its own.
struct ThreadClients {
    /// Reads what tasks and global tables read, and commits the group's positions at least once.
    let consumer: any Consumer
    /// Reads changelogs.
    let restoreConsumer: any Consumer
    let admin: any Admin
    /// Sends through the thread's producer, which it holds.
    let outbox: Outbox
    private let plan: StreamThreadPlan

    /// Blocks: with exactly-once, what an earlier run left open is ended first.
    init(_ plan: StreamThreadPlan) throws {
        self.plan = plan
        consumer = try plan.makeConsumer()
        restoreConsumer = try plan.cluster.makeConsumer(clientID: plan.clientID + "-restore-consumer")
        let producer = try plan.makeProducer()
        admin = try plan.cluster.makeAdmin(clientID: plan.clientID + "-admin")
        outbox = Outbox(
            names: plan.names, producer: producer, configuration: plan.configuration,
            createTopic: { [admin] name in
                guard let count = plan.configuration.newTopicPartitions else { return false }
                do { try admin.create([NewTopic(name, partitionCount: count)]) } catch ClusterError.topicExists {}
                return true
            })
    }

    /// The producer's transaction was aborted: another producer takes its place, and what the outbox holds is forgotten. Blocks.
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
