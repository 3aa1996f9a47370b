import Foundation
import MoldauClient
import MoldauRecords
import MoldauServer
import Testing

@Suite struct AdminTests {
    private func withAdmin(
        topics: [String: Int32] = ["t": 2], _ body: (AdminClient, TestBroker) async throws -> Void
    ) async throws {
        try await withBroker(topics: topics) { broker in
            let admin = try AdminClient(cluster: broker.client)
            try await body(admin, broker)
            await admin.close()
        }
    }

    private func partitions(_ numbers: Range<Int32>) -> [TopicPartition] { numbers.map { TopicPartition("t", $0) } }

    // MARK: Topics

    @Test func `topics are created, listed, described, extended and deleted`() async throws {
        try await withAdmin { admin, _ in
            let created = try await admin.createTopics([
                .init("orders", partitions: 3, configs: ["retention.ms": "-1"]), .init("bills"),
            ]).all()
            #expect(created["orders"]?.partitions == 3 && created["bills"]?.partitions == 1)
            #expect(try await admin.listTopics().map(\.name) == ["bills", "orders", "t"])
            let described = try #require(try await admin.describeTopics(["orders"]).all()["orders"])
            #expect(described.id == created["orders"]?.id && described.id != nil)
            #expect(described.partitions.map(\.partition.number) == [0, 1, 2])
            let node = try #require(try await admin.describeCluster().nodes.first)
            #expect(described.partitions.allSatisfy { $0.leader == node.id && $0.inSyncReplicas == [node.id] })
            try await admin.createPartitions(["orders": 5]).all()
            #expect(try await admin.describeTopics(["orders"]).all()["orders"]?.partitions.count == 5)
            try await admin.deleteTopics(["bills"]).all()
            #expect(try await admin.listTopics().map(\.name) == ["orders", "t"])
        }
    }

    @Test func `each topic has its own result`() async throws {
        try await withAdmin { admin, _ in
            let created = try await admin.createTopics([.init("t"), .init("new"), .init("a b")])
            #expect(created["t"]?.error?.refusal == .topicAlreadyExists)
            #expect(created["a b"]?.error?.refusal == .invalidTopic)
            #expect(created["new"]?.error == nil)
            #expect(throws: ClientError.self) { try created.all() }
            let deleted = try await admin.deleteTopics(["new", "nowhere"])
            #expect(deleted["new"]?.error == nil && deleted["nowhere"]?.error == .unknownTopic("nowhere"))
            #expect(try await admin.describeTopics(["nowhere"])["nowhere"]?.error == .unknownTopic("nowhere"))
            #expect(try await admin.createPartitions(["t": 1])["t"]?.error?.refusal == .invalidPartitions)
        }
    }

    @Test func `validate-only requests change nothing`() async throws {
        try await withAdmin { admin, _ in
            try await admin.createTopics([.init("new")], validateOnly: true).all()
            try await admin.createPartitions(["t": 9], validateOnly: true).all()
            #expect(try await admin.listTopics().map(\.name) == ["t"])
            #expect(try await admin.describeTopics(["t"]).all()["t"]?.partitions.count == 2)
        }
    }

    @Test func `describing a topic does not create it`() async throws {
        var options = ServerOptions()
        options.createsTopics = true
        try await withBroker(options, topics: ["t": 1]) { broker in
            let admin = try AdminClient(cluster: broker.client)
            _ = try await admin.describeTopics(["nowhere"])
            let offsets = try await admin.listOffsets(of: [TopicPartition("nowhere", 0)], .latest)
            #expect(offsets.values.first?.error == .unknownTopic("nowhere"))
            #expect(try await admin.listTopics().map(\.name) == ["t"])
            await admin.close()
        }
    }

    // MARK: Settings

    @Test func `settings are read, set and reset to the default`() async throws {
        try await withAdmin { admin, _ in
            func retention() async throws -> AdminClient.ConfigEntry? {
                try await admin.describeConfigs([.topic("t")], names: ["retention.ms"]).all()[.topic("t")]?.first
            }
            #expect(try await retention()?.isDefault == true)
            try await admin.incrementalAlterConfigs([.topic("t"): ["retention.ms": .set("1000")]]).all()
            let set = try await retention()
            #expect(set?.value == "1000" && set?.source == .topic)
            try await admin.incrementalAlterConfigs([.topic("t"): ["retention.ms": .delete]]).all()
            #expect(try await retention()?.isDefault == true)
            let outcomes = try await admin.incrementalAlterConfigs([
                .topic("t"): ["retention.ms": .set("soon")], .topic("nowhere"): ["retention.ms": .set("1")],
            ])
            #expect(outcomes[.topic("t")]?.error?.refusal == .invalidConfig)
            #expect(outcomes[.topic("nowhere")]?.error == .unknownTopic("nowhere"))
            let node = try #require(try await admin.describeCluster().nodes.first)
            #expect(try await admin.describeConfigs([.broker(node.id)]).all()[.broker(node.id)]?.isEmpty == false)
        }
    }

    // MARK: Records

    @Test func `offsets are listed by position and by timestamp`() async throws {
        try await withAdmin { admin, broker in
            let producer = try Producer(to: topic, cluster: broker.client)
            for (number, time) in [100, 300, 200].enumerated() {
                try await producer.send(
                    "\(number)", "v", timestamp: Timestamp(ms: Int64(time)), partition: Partition(0))
            }
            await producer.close()
            let first = TopicPartition("t", 0)
            func offset(_ spec: AdminClient.OffsetSpec) async throws -> AdminClient.ListedOffset? {
                try await admin.listOffsets([first: spec]).all()[first]
            }
            #expect(try await offset(.earliest)?.offset == Offset(0))
            #expect(try await offset(.latest)?.offset == Offset(3))
            let latest = try await offset(.maxTimestamp)
            #expect(latest?.offset == Offset(1) && latest?.timestamp == Timestamp(ms: 300))
            #expect(try await offset(.timestamp(Timestamp(ms: 101)))?.offset == Offset(1))
            let none = try await offset(.timestamp(Timestamp(ms: 301)))
            #expect(none != nil && none?.offset == nil)
            let wrong = TopicPartition("t", 7)
            let outcomes = try await admin.listOffsets(of: [first, wrong], .latest)
            #expect(outcomes[wrong]?.error == .unknownPartition(wrong, partitionCount: 2))
            #expect(outcomes[first]?.error == nil)
        }
    }

    @Test func `records before an offset are deleted`() async throws {
        try await withAdmin { admin, broker in
            try await fill(broker, 0..<10, partitions: 2)
            let ends = try await admin.listOffsets(of: partitions(0..<2), .latest).all()
            let end = try #require(ends[TopicPartition("t", 1)]?.offset)
            let deleted = try await admin.deleteRecords(before: [
                TopicPartition("t", 0): Offset(2), TopicPartition("t", 1): nil,
            ]).all()
            #expect(deleted == [TopicPartition("t", 0): Offset(2), TopicPartition("t", 1): end])
            let starts = try await admin.listOffsets(of: partitions(0..<2), .earliest).all()
            #expect(starts.compactMapValues(\.offset) == deleted)
            let beyond = try await admin.deleteRecords(before: [TopicPartition("t", 0): Offset(1_000)])
            #expect(beyond.values.first?.error?.refusal == .offsetOutOfRange)
        }
    }

    // MARK: Groups

    @Test func `the offsets of a group are set, read and deleted`() async throws {
        try await withAdmin { admin, broker in
            try await fill(broker, 0..<10, partitions: 2)
            let offsets: [TopicPartition: AdminClient.OffsetAndMetadata] = [
                TopicPartition("t", 0): .init(Offset(3), metadata: "note"), TopicPartition("t", 1): .init(Offset(1)),
            ]
            try await admin.alterGroupOffsets("g", offsets).all()
            #expect(try await admin.listGroupOffsets("g") == offsets)
            try await admin.deleteGroupOffsets("g", [TopicPartition("t", 1)]).all()
            #expect(try await admin.listGroupOffsets("g").keys.map(\.partition.number) == [0])
            #expect(try await admin.listGroupOffsets("nobody").isEmpty)
            #expect(try await admin.listGroups().map(\.group) == ["g"])
            #expect(try await admin.describeGroups(["g"]).all()["g"]?.state == .empty)
            try await admin.deleteGroups(["g"]).all()
            #expect(try await admin.listGroups().isEmpty)
            let gone = try await admin.describeGroups(["g"])
            #expect(gone["g"]?.error?.refusal == .groupNotFound)
        }
    }

    @Test func `a group with members is described, and keeps its offsets`() async throws {
        try await withAdmin { admin, broker in
            try await fill(broker, 0..<10, partitions: 2)
            var options = ConsumerOptions(group: "g")
            options.offsetReset = .earliest
            let consumer = try Consumer([topic], cluster: broker.client, options: options)
            #expect(try await !consumer.poll(within: .seconds(20)).isEmpty)
            let group = try #require(try await admin.describeGroups(["g"]).all()["g"])
            #expect(group.state == .stable && group.assignor == "range" && group.protocolType == "consumer")
            #expect(group.members.map(\.assignment) == [Set(partitions(0..<2))])
            #expect(group.members.first?.clientID == "moldau")
            let offset = [TopicPartition("t", 0): AdminClient.OffsetAndMetadata(Offset(1))]
            #expect(try await admin.alterGroupOffsets("g", offset).values.first?.error?.refusal == .unknownMember)
            #expect(try await admin.deleteGroups(["g"])["g"]?.error?.refusal == .nonEmptyGroup)
            await consumer.close()
        }
    }

    // MARK: Transactions

    @Test func `transactions are listed and described, and a producer is fenced`() async throws {
        try await withAdmin { admin, broker in
            var options = ProducerOptions()
            options.transactionalID = "id"
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            await #expect(throws: ClientError.self) {
                try await producer.transaction { _ in
                    try await producer.send("k", "v", partition: Partition(1))
                    let listed = try await admin.listTransactions(states: ["Ongoing"])
                    #expect(listed.map(\.transactionalID) == ["id"])
                    let open = try #require(try await admin.describeTransactions(["id"]).all()["id"])
                    #expect(open.state == "Ongoing" && open.partitions == [TopicPartition("t", 1)])
                    #expect(open.startTime != nil && open.producerID == listed.first?.producerID)
                    let producers = try await admin.describeProducers(of: partitions(0..<2)).all()
                    #expect(producers[TopicPartition("t", 0)]?.isEmpty == true)
                    #expect(producers[TopicPartition("t", 1)]?.first?.transactionStart == Offset(0))
                    try await admin.fenceProducers(["id"]).all()
                }
            }
            await producer.close()
            #expect(try await admin.listTransactions(states: ["Ongoing"]).isEmpty)
            let missing = try await admin.describeTransactions(["nobody"])
            #expect(missing["nobody"]?.error?.refusal == .transactionalIDNotFound)
        }
    }

    // MARK: The cluster

    @Test func `an unreachable cluster is reported after the API timeout`() async throws {
        var client = ClientOptions(bootstrapServers: [BrokerAddress(host: "127.0.0.1", port: 1)])
        client.retryBackoff = .milliseconds(10)
        var options = AdminOptions()
        options.apiTimeout = .milliseconds(100)
        let admin = try AdminClient(cluster: client, options: options)
        await #expect {
            _ = try await admin.describeCluster()
        } throws: { error in
            if case ClientError.notReachable = error { true } else { false }
        }
        await admin.close()
    }
}

extension Result {
    /// The error, if it is one.
    fileprivate var error: Failure? {
        if case .failure(let error) = self { return error }
        return nil
    }
}
