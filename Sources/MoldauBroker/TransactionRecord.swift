// What the broker knows of a transactional id, in the topic `__transaction_state`, in Kafka's format:
//
//     key    version i16 = 0 · transactional id string
//     value  version i16 = 0 · producer id i64 · epoch i16 · timeout in ms i32 · status i8 · topics i32 count, each: name
//            string, partitions i32 count and numbers i32 · time of the update i64 · time of the transaction's start i64
//
// A string is its length (i16) and UTF-8. Behind that, where Kafka does not look, stands for each partition in that
// order the offset after the transaction's records (i64). It tells whether all of them came to disk before a crash, so
// that records and decision need only one sync.

internal import MoldauRecords

/// A producer of a transactional id: a newer one has a greater epoch, and fences the older.
package struct ProducerIdentity: Hashable, Sendable {
    package let id: Int64
    package var epoch: Int16

    package init(id: Int64, epoch: Int16) { (self.id, self.epoch) = (id, epoch) }
}

enum TransactionStatus: Int8 {
    case empty = 0
    case ongoing
    case prepareCommit
    case prepareAbort
    case completeCommit
    case completeAbort

    var isCommit: Bool { self == .prepareCommit || self == .completeCommit }
    /// Whether what was decided is carried out.
    var isComplete: Bool { self == .completeCommit || self == .completeAbort }
    /// Whether it is decided how the transaction ends.
    var isDecided: Bool { self != .empty && self != .ongoing }
}

/// The state of a transactional id.
struct TransactionRecord: Equatable, Sendable {
    var producer: ProducerIdentity
    var timeoutMs: Int32
    var status = TransactionStatus.empty
    /// The partitions of the transaction, with the offsets after its records once it is decided.
    var ends: [TopicPartition: Offset] = [:]
    var updated = Timestamp.none
    var started = Timestamp.none

    init(producer: ProducerIdentity, timeoutMs: Int32) {
        self.producer = producer
        self.timeoutMs = timeoutMs
    }

    static func encodeKey(_ id: String, _ writer: inout ByteWriter) {
        writer.append(bigEndian: Int16(0))
        writer.append(shortString: id)
    }

    func encode(_ writer: inout ByteWriter) {
        writer.append(bigEndian: Int16(0))
        writer.append(bigEndian: producer.id)
        writer.append(bigEndian: producer.epoch)
        writer.append(bigEndian: timeoutMs)
        writer.append(bigEndian: status.rawValue)
        let partitions = ends.keys.sorted()
        let topics = Dictionary(grouping: partitions, by: \.topic).sorted { $0.key < $1.key }
        writer.append(bigEndian: Int32(topics.count))
        for (topic, partitions) in topics {
            writer.append(shortString: topic)
            writer.append(bigEndian: Int32(partitions.count))
            for partition in partitions { writer.append(bigEndian: partition.partition.number) }
        }
        writer.append(bigEndian: updated.ms)
        writer.append(bigEndian: started.ms)
        for (_, partitions) in topics {
            for partition in partitions { writer.append(bigEndian: (ends[partition] ?? .zero).value) }
        }
    }

    /// The transactional id of a key; nil for bytes that are none.
    static func id(key: UnsafeRawBufferPointer?) -> String? {
        guard let key else { return nil }
        var fields = FieldReader(rest: key)
        guard let version: Int16 = fields.number(), version == 0 else { return nil }
        return fields.shortString()
    }

    /// nil for bytes that are no record.
    init?(value: UnsafeRawBufferPointer) {
        var fields = FieldReader(rest: value)
        guard let version: Int16 = fields.number(), version == 0, let id: Int64 = fields.number(),
            let epoch: Int16 = fields.number(), let timeout: Int32 = fields.number(),
            let statusNumber: Int8 = fields.number(), let status = TransactionStatus(rawValue: statusNumber),
            let topicCount: Int32 = fields.number()
        else { return nil }
        self.init(producer: ProducerIdentity(id: id, epoch: epoch), timeoutMs: timeout)
        self.status = status
        var partitions: [TopicPartition] = []
        for _ in 0..<max(topicCount, 0) {
            guard let topic = fields.shortString(), let count: Int32 = fields.number(), count >= 0,
                Int(count) * 4 <= fields.rest.count
            else { return nil }
            for _ in 0..<count {
                guard let number: Int32 = fields.number() else { return nil }
                partitions.append(TopicPartition(topic, number))
            }
        }
        guard let updated: Int64 = fields.number(), let started: Int64 = fields.number() else { return nil }
        (self.updated, self.started) = (Timestamp(ms: updated), Timestamp(ms: started))
        for partition in partitions { ends[partition] = Offset(fields.number() ?? 0) }
    }
}
