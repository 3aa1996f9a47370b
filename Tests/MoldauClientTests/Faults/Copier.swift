import MoldauClient
import MoldauRecords

/// Copies a topic to another, a few records per transaction, and resumes at its committed offsets when one fails.
struct Copier {
    private struct Stop: Error {}

    private let consumer: Consumer<String, String>
    private let producer: Producer<String, String>
    private let partitions: Set<TopicPartition>
    private var generator: SeededGenerator
    private var hasPosition = false
    private var zombie: Task<Void, Never>?
    private let run: FaultyRun
    /// Whether another copier has taken over.
    private(set) var isFenced = false

    init(_ run: FaultyRun, _ source: String, _ target: String, _ generator: SeededGenerator) throws {
        self.run = run
        self.generator = generator
        partitions = Set((0..<run.partitions).map { TopicPartition(source, $0) })
        var reading = ConsumerOptions(group: "group-\(run.seed)")
        reading.commitsAutomatically = false
        reading.offsetReset = .earliest
        reading.maxPollRecords = 6
        reading.fetchMaxWait = .milliseconds(100)
        consumer = try Consumer(
            [Topic<String, String>(source)], assigned: partitions, cluster: run.faulty, options: reading)
        var writing = ProducerOptions()
        writing.transactionalID = "id-\(run.seed)"
        writing.batchSize = 100
        writing.linger = .zero
        producer = try Producer(to: Topic<String, String>(target), cluster: run.faulty, options: writing)
    }

    /// Copies some records, if there are any.
    /// - Returns: whether any records are left, as far as is known.
    mutating func step() async throws -> Bool {
        do {
            if !hasPosition { try await goBack() }
            let records = try await consumer.poll(within: .milliseconds(300))
            if records.isEmpty { return try await isLeft() }
            let stops = Int.random(in: 0..<6, using: &generator) == 0
            try await copy(records, stops: stops)
        } catch is Stop {
            hasPosition = false
        } catch let error as ClientError {
            hasPosition = false
            isFenced = error.remedy == .stop
        }
        return true
    }

    private func copy(_ records: [ConsumerRecord<String, String>], stops: Bool) async throws {
        try await producer.transaction { transaction in
            for record in records {
                _ = try await producer.enqueue(record.key, record.value, partition: record.partition.partition)
            }
            if stops { throw Stop() }
            guard let first = records.first, let last = records.last, let group = consumer.groupMetadata else { return }
            try await transaction.commit([first.partition: last.offset + 1], of: group)
        }
    }

    private mutating func goBack() async throws {
        // From now on no other copier can commit.
        try await producer.initTransactions()
        let committed = try await consumer.committed(partitions)
        for partition in partitions { consumer.seek(partition, to: committed[partition] ?? .zero) }
        hasPosition = true
    }

    private func isLeft() async throws -> Bool {
        let committed = try await consumer.committed(partitions)
        return partitions.contains { (committed[$0] ?? .zero).value < Int64(run.recordCount) }
    }

    /// Continues with its next records, while another copier takes over: these are copied now or not at all.
    mutating func hangAround() {
        let copier = self
        zombie = Task {
            var copier = copier
            _ = try? await copier.step()
        }
    }

    func close() async {
        await zombie?.value
        await producer.close()
        await consumer.close()
    }
}
