/// The options of a producer. Names and defaults are Kafka's.
public struct ProducerOptions: Sendable {
    /// When a record counts as delivered.
    public enum Acks: Int16, Sendable {
        /// When it was sent: neither its arrival nor its offset is known.
        case none = 0
        /// When the partition's leader has appended it.
        case leader = 1
        /// When all in-sync replicas have it.
        case all = -1
    }

    /// How batches are compressed.
    public enum Compression: String, Sendable, CaseIterable {
        /// Kafka's codecs, and none.
        case none, gzip, snappy, lz4, zstd
    }

    /// `acks`.
    public var acks = Acks.all
    /// `enable.idempotence`: whether retries never duplicate a record. nil: yes, if `acks` is `all` and `maxInFlight`
    /// at most 5.
    public var idempotence: Bool?
    /// `batch.size`: the size of a batch in bytes, before compression; a larger record gets a batch of its own.
    public var batchSize = 16 * 1_024
    /// `linger.ms`: how long a batch waits for more records.
    public var linger = Duration.milliseconds(5)
    /// `buffer.memory`: the bytes of batches not yet delivered. Senders wait while it is full.
    public var bufferMemory = 32 << 20
    /// `max.block.ms`: how long `send` waits for room in the buffer, or for metadata.
    public var maxBlock = Duration.seconds(60)
    /// `max.request.size`: the largest record, and the most bytes in one request.
    public var maxRequestSize = 1 << 20
    /// The largest batch that is encoded elsewhere and sent whole, alone in its request; nil: `maxRequestSize`.
    package var largestBatch: Int?
    /// `max.in.flight.requests.per.connection`: how many requests to a broker may be pending.
    public var maxInFlight = 5
    /// `compression.type`.
    public var compression = Compression.none
    /// `delivery.timeout.ms`: how long a record may take from `send` to its delivery, including all retries.
    public var deliveryTimeout = Duration.seconds(120)
    /// `transactional.id`: identifies the producer of transactions over restarts; nil for a producer without
    /// transactions.
    public var transactionalID: String?
    /// `transaction.timeout.ms`: after this time the cluster aborts a transaction that is still open.
    public var transactionTimeout = Duration.seconds(60)

    /// Kafka's defaults.
    public init() {}

    /// Whether retries never duplicate a record.
    var isIdempotent: Bool { idempotence ?? (acks == .all && maxInFlight <= 5) || transactionalID != nil }

    /// - Throws: `ClientError.invalidSetting`.
    func check() throws(ClientError) {
        if isIdempotent {
            guard acks == .all else {
                throw .invalidSetting(
                    "acks", reason: "idempotence and transactions need 'all'; Kafka accepts nothing less")
            }
            guard maxInFlight <= 5 else {
                throw .invalidSetting(
                    "max.in.flight.requests.per.connection",
                    reason: "with idempotence it has to be at most 5: brokers remember no more batches")
            }
            if transactionalID != nil, idempotence == false {
                throw .invalidSetting("enable.idempotence", reason: "transactions need it")
            }
        }
        guard maxInFlight >= 1 else {
            throw .invalidSetting("max.in.flight.requests.per.connection", reason: "it has to be at least 1")
        }
        guard batchSize >= 1, maxRequestSize >= 1_024, maxRequestSize <= 1 << 30 else {
            throw .invalidSetting("max.request.size", reason: "it has to be between 1 KiB and 1 GiB")
        }
        guard bufferMemory >= max(batchSize, 1_024) else {
            throw .invalidSetting("buffer.memory", reason: "it has to hold at least one batch (batch.size)")
        }
        guard linger >= .zero, deliveryTimeout > linger else {
            throw .invalidSetting("delivery.timeout.ms", reason: "it has to be longer than linger.ms")
        }
    }
}
