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
        consumer = try plan.cluster.makeConsumer(clientID: plan.clientID + "-consumer")
        consumer.group = plan.names.applicationID
        // A commit makes durable what was read before it tells of it.
        consumer.readsAhead = true
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
        readOwnTransactions()
    }

    /// The producer's transaction was aborted: another producer takes its place, and what the outbox holds is forgotten. Blocks.
    func renewProducer() throws {
        outbox.producer.close()
        outbox.begin(with: try plan.makeProducer())
        readOwnTransactions()
    }

    /// One commit decides what the thread's tasks write and what other tasks of it have made of that, so these may read it before.
    private func readOwnTransactions() {
        // Any partition will do: the id is the same for all.
        let stamp = outbox.producer.stamp(for: TopicPartition(plan.names.applicationID, 0))
        consumer.readsTransactionsOf = stamp.isTransactional ? stamp.id : nil
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
