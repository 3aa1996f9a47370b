package import MoldauClient
public import MoldauCluster
internal import MoldauRecords
internal import Synchronization

/// A cluster of Kafka brokers, as the engine sees it: whole batches from fetch to task, and from outbox to produce.
public final class KafkaCluster: Cluster, ClusterPort, CustomStringConvertible {
    let client: ClientOptions
    let options: KafkaOptions
    /// Serves the queries of all threads.
    package let questions: AdminClient

    /// By group name.
    private let seats = Mutex<[String: GroupSeat]>([:])

    /// Where the cluster is, for log messages.
    public let description: String

    /// A cluster with these bootstrap brokers. Connects on first use.
    /// - Throws: `ClusterError.unavailable` for invalid settings.
    public init(_ servers: String, options: KafkaOptions = KafkaOptions()) throws {
        self.options = options
        description = "on Kafka at '\(servers)'"
        (client, questions) = try translating {
            var client = try ClientOptions(bootstrapServers: servers)
            (client.tls, client.logIn) = (options.tls, options.logIn)
            client.requestTimeout = options.requestTimeout
            client.createsTopics = false
            client.clientID = "moldau-admin"
            var asking = AdminOptions()
            asking.apiTimeout = options.deliveryTimeout
            return (client, try AdminClient(cluster: client, options: asking))
        }
    }

    package func makeConsumer(_ options: MoldauCluster.ConsumerOptions) throws -> any MoldauCluster.Consumer {
        try KafkaConsumer(self, options)
    }

    package func makeProducer(_ options: MoldauCluster.ProducerOptions) throws -> any MoldauCluster.Producer {
        try KafkaProducer(self, clientID: options.clientID, transactionalID: nil, timeout: .zero)
    }

    package func makeTransactionalProducer(_ options: TransactionalProducerOptions) throws -> any TransactionalProducer
    {
        let producer = try KafkaTransactionalProducer(
            self, clientID: options.clientID, transactionalID: options.id, timeout: options.timeout)
        do {
            try producer.identify()
        } catch {
            producer.close()
            throw error
        }
        return producer
    }

    public func makeAdmin() throws -> any Admin { KafkaAdmin(self) }
    public var access: ClusterAccess { ClusterAccess(self) }

    package func join(group: String, _ worker: any GroupWorker) throws -> GroupMembership {
        var own = GroupSeatOptions(group: group)
        own.instanceID = options.instanceID
        own.sessionTimeout = options.sessionTimeout
        own.heartbeatInterval = options.heartbeatInterval
        own.rebalanceTimeout = options.rebalanceTimeout
        let seat = try translating {
            try GroupSeat(own, cluster: client(named: "\(group)-member"), holder: SeatedWorker(worker))
        }
        seats.withLock { $0[group] = seat }
        return GroupMembership(isShared: true, rebalance: { seat.rebalance() }) { [weak self] in
            self?.seats.withLock { if $0[group] === seat { $0[group] = nil } }
            seat.leave()
        }
    }

    /// Commits as this process's member of the group, or without a member id if it has none.
    func committing(group: String, _ commit: (ConsumerGroupMetadata) throws -> Void) throws {
        guard let seat = seats.withLock({ $0[group] }) else {
            return try commit(ConsumerGroupMetadata(group: group, generation: -1, memberID: "", instanceID: nil))
        }
        try seat.committing(within: options.deliveryTimeout, commit)
    }

    /// The client options of one of the engine's clients.
    func client(named clientID: String) -> ClientOptions {
        var client = client
        client.clientID = clientID
        return client
    }
}

extension KafkaCluster {
    /// Closes its connections. Called once, when its clients are no longer used; an application does it for the cluster
    /// that it opened itself. Blocks: async code gets a method that does not.
    @available(
        *, noasync, message: "this blocks; write `await close()` in an async function, not at top level"
    )
    public func close() { try? waiting { [questions] in await questions.close() } }

    /// Closes its connections.
    public func close() async { await questions.close() }
}
