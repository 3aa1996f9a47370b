import MoldauClient
import MoldauRecords

/// The topic of the target in which a mirror notes where records are: see `MirrorRun`. A run is deleted by a tombstone.
final class MirrorNotes {
    private static let recordsPerBatch = 500

    private let topic: String
    private let cluster: ClientOptions
    private let admin: AdminClient
    private var unsent: [(key: String, text: String?)] = []

    /// - Parameter admin: a client of the same cluster. Its owner closes it.
    init(topic: String, cluster: ClientOptions, admin: AdminClient) {
        (self.topic, self.cluster, self.admin) = (topic, cluster, admin)
    }

    /// Whether there are unsent notes.
    var hasNews: Bool { !unsent.isEmpty }

    func add(_ run: MirrorRun, of partition: TopicPartition) { unsent.append((run.key(of: partition), run.text)) }

    func forget(_ run: MirrorRun, of partition: TopicPartition) { unsent.append((run.key(of: partition), nil)) }

    /// Sends the unsent notes as a part of the open transaction.
    func send(by producer: BatchProducer, at time: Timestamp) throws {
        var builder = RecordBatchBuilder()
        while !unsent.isEmpty {
            for (key, text) in unsent.prefix(Self.recordsPerBatch) {
                let (key, text) = (Array(key.utf8), text.map { Array($0.utf8) })
                key.withUnsafeBytes { key in
                    guard let text else { return builder.append(key: key, value: nil, timestamp: time) }
                    text.withUnsafeBytes { builder.append(key: key, value: $0, timestamp: time) }
                }
            }
            unsent.removeFirst(min(Self.recordsPerBatch, unsent.count))
            try producer.send(builder.finish(), to: TopicPartition(topic, 0))
            builder.reset()
        }
    }

    /// Reads all noted runs, by partition. Blocks.
    func read() throws -> [TopicPartition: MirrorRuns] {
        let partition = TopicPartition(topic, 0)
        let admin = admin
        let (start, end) = try waiting {
            let starts = try await admin.listOffsets(of: [partition], .earliest).all()
            let ends = try await admin.listOffsets([partition: .latest], isolation: .readCommitted).all()
            return (starts[partition]?.offset, ends[partition]?.offset)
        }
        guard let start, let end, start < end else { return [:] }
        var options = ConsumerOptions()
        (options.isolation, options.offsetReset) = (.readCommitted, .earliest)
        let consumer = try BatchConsumer(options, cluster: cluster)
        defer { consumer.close() }
        consumer.assign([partition])
        consumer.seek(partition, to: start)
        var runs: [TopicPartition: [Offset: MirrorRun]] = [:]
        var position = start
        while position < end {
            for polled in try consumer.poll(wait: .seconds(1), limit: 4 << 20) {
                var reader = RecordBatchReader(polled.bytes.bytes, from: polled.from)
                while let record = try reader.next() { try note(record, in: &runs) }
                position = polled.next
            }
        }
        return runs.mapValues { MirrorRuns($0.values) }
    }

    private func note(_ record: RecordView, in runs: inout [TopicPartition: [Offset: MirrorRun]]) throws {
        let key = record.key.map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let value = record.value else {
            if let place = MirrorRun.place(key: key) { runs[place.partition]?[place.first] = nil }
            return
        }
        guard let found = MirrorRun.read(key: key, text: String(decoding: value, as: UTF8.self)) else {
            throw CommandFailure(
                "the record of '\(topic)' at offset \(record.offset) was not written by a mirror, so offsets of groups cannot "
                    + "be translated; delete the topic, and they will be from then on")
        }
        runs[found.partition, default: [:]][found.run.first] = found.run
    }
}
