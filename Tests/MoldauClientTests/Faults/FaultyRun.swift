import MoldauClient
import MoldauRecords
import Synchronization
import Testing

/// A client's work while its network fails, and the records that must exist afterwards.
struct FaultyRun {
    let broker: TestBroker
    /// Through the proxy.
    let faulty: ClientOptions
    let seed: UInt64
    let partitions: Int32 = 2
    /// How many records of each partition are copied.
    let recordCount = 25

    init(_ broker: TestBroker, _ proxy: FaultProxy, seed: UInt64) {
        (self.broker, self.seed) = (broker, seed)
        var client = ClientOptions(bootstrapServers: [BrokerAddress(host: "127.0.0.1", port: proxy.port)])
        client.requestTimeout = .milliseconds(250)
        client.retryBackoff = .milliseconds(5)
        client.retryBackoffMax = .milliseconds(100)
        client.reconnectBackoff = .milliseconds(5)
        client.reconnectBackoffMax = .milliseconds(100)
        faulty = client
    }

    // MARK: Idempotence

    /// Appends records, and checks that each is stored once, in order, at the acknowledged offset.
    func appendsOnce() async throws {
        var generator = SeededGenerator(seed: seed)
        let name = "once-\(seed)"
        // Larger batches are split.
        let limit = Bool.random(using: &generator) ? 150 : nil
        try broker.create(name, partitions: partitions, maxBatchBytes: limit)
        var options = ProducerOptions()
        options.batchSize = [1, 120, 400].randomElement(using: &generator) ?? 1
        options.linger = .milliseconds(Int.random(in: 0...2, using: &generator))
        options.maxInFlight = Int.random(in: 1...5, using: &generator)
        options.compression = ProducerOptions.Compression.allCases.randomElement(using: &generator) ?? .none
        let producer = try Producer(to: Topic<String, String>(name), cluster: faulty, options: options)
        var sent: [[Acknowledgement]] = Array(repeating: [], count: Int(partitions))
        for number in 0..<120 {
            let partition = Int32.random(in: 0..<partitions, using: &generator)
            let value = "\(sent[Int(partition)].count)"
            sent[Int(partition)].append(
                try await producer.enqueue("k", value, partition: Partition(partition)))
            if number % 20 == 19 { try await Task.sleep(for: .milliseconds(5)) }
        }
        for (partition, all) in sent.enumerated() {
            for (offset, acknowledgement) in all.enumerated() {
                let position = try await acknowledgement.position()
                // A broker may not return the offset of a duplicate batch.
                if let told = position.offset {
                    #expect(told == Offset(Int64(offset)), "seed \(seed), partition \(partition)")
                }
            }
        }
        await producer.close()
        try await expect(sent.map { (0..<$0.count).map { "\($0)" } }, in: name)
    }

    // MARK: Transactions

    /// Copies a topic in transactions, by producers that are sometimes replaced, and checks that each record is copied
    /// once.
    func copiesOnce() async throws {
        var generator = SeededGenerator(seed: seed)
        let (source, target) = ("in-\(seed)", "out-\(seed)")
        for name in [source, target] { try broker.create(name, partitions: partitions) }
        let input = try Producer(to: Topic<String, String>(source), cluster: broker.client)
        for number in 0..<recordCount {
            for partition in 0..<partitions {
                _ = try await input.enqueue("k", "\(number)", partition: Partition(partition))
            }
        }
        await input.close()
        var copier = try Copier(self, source, target, SeededGenerator(seed: generator.next()))
        var old: [Copier] = []
        let end = ContinuousClock.now + .seconds(60)
        while try await copier.step(), ContinuousClock.now < end {
            // A process that stalls, and does not know that another one has replaced it.
            if copier.isFenced || Int.random(in: 0..<12, using: &generator) == 0 {
                if !copier.isFenced { copier.hangAround() }
                old.append(copier)
                copier = try Copier(self, source, target, SeededGenerator(seed: generator.next()))
            }
        }
        for copier in old + [copier] { await copier.close() }
        try await expect(Array(repeating: (0..<recordCount).map { "\($0)" }, count: Int(partitions)), in: target)
    }

    // MARK: Checks

    /// Checks the topic's committed records, by partition.
    func expect(_ wanted: [[String]], in name: String) async throws {
        var options = ConsumerOptions()
        options.offsetReset = .earliest
        options.isolation = .readCommitted
        let consumer = try Consumer(
            [Topic<String, String>(name)], assigned: Set((0..<partitions).map { TopicPartition(name, $0) }),
            cluster: broker.client, options: options)
        var found: [[String]] = Array(repeating: [], count: Int(partitions))
        let end = ContinuousClock.now + .seconds(20)
        while found.map(\.count).reduce(0, +) < wanted.map(\.count).reduce(0, +), ContinuousClock.now < end {
            for record in try await consumer.poll(within: .milliseconds(200)) {
                found[Int(record.partition.partition.number)].append(record.value)
            }
        }
        for record in try await consumer.poll(within: .milliseconds(20)) {
            found[Int(record.partition.partition.number)].append(record.value)
        }
        await consumer.close()
        #expect(found == wanted, "seed \(seed), \(name)")
    }
}
