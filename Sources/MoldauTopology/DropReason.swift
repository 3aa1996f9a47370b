/// Why a record was discarded. Every discard is counted under its node and one of these.
public enum DropReason: String, Sendable, CaseIterable {
    /// An operator that needs a key met a record without one.
    case nullKey
    /// A record without a key stood before a repartition topic, which has no place for it.
    case nullKeyBeforeRepartition
    /// An aggregation met a record without a value.
    case nullValue
    /// A row was grouped under another key without a value, which the repartition topic has no place for.
    case nullValueBeforeRepartition
    /// A join's other side has no key to look up.
    case nullJoinKey
    /// A foreign-key join's answer came for a row that has changed since it asked.
    case staleResponse
    /// A timestamp extractor answered with a negative time.
    case negativeTimestamp
    /// A versioned table's late update, where only the present counts.
    case outOfOrder
    /// The same where a table is grouped by another key. Kafka Streams does not count these.
    case outOfOrderBeforeRepartition
    /// A versioned table's update that is older than the history it keeps.
    case olderThanHistory
    /// The bytes could not be read, and the deserialization handler said to skip them.
    case deserialization
    /// User code threw, and the processing handler said to skip the record.
    case processing
    /// The record could not be written, and the production handler said to skip it.
    case production
    /// A custom partitioner answered with no partition.
    case noPartition

    /// A write to a windowed store came after its retention was over; counted under the store's name.
    case expired
    /// A record came after its window and the grace were over.
    case late
    /// A record's time is in no window: before the start of an unlimited one, or in none of one's own.
    case outsideWindows
    /// An inner join of a stream found no row.
    case noMatch
    /// A split has no branch for the record.
    case noBranch

    /// Whether Kafka Streams counts this discard in its metric `dropped-records-total`.
    public var countsInKafkaStreams: Bool {
        switch self {
        case .nullKeyBeforeRepartition, .nullValueBeforeRepartition, .outOfOrderBeforeRepartition, .production,
            .noPartition, .outsideWindows, .noMatch, .noBranch:
            false
        default: true
        }
    }

    /// Whether an operator that discards records for this reason may do what it is meant to: then only few that it keeps are worth
    /// a word.
    public var isOrdinary: Bool {
        switch self {
        case .staleResponse, .noPartition, .noMatch, .noBranch, .outsideWindows: true
        default: false
        }
    }

    /// The reason as a clause about the records.
    public var explanation: String {
        switch self {
        case .nullKey: "they have no key"
        case .nullKeyBeforeRepartition: "they have no key, and so no partition to be sent to"
        case .nullValue: "they have no value"
        case .nullValueBeforeRepartition: "they have no value after they were grouped by another key"
        case .nullJoinKey: "the key that they are to be joined by is nil"
        case .staleResponse: "the row has changed since it asked for its match"
        case .negativeTimestamp: "their time is before 1970"
        case .outOfOrder, .outOfOrderBeforeRepartition: "a later update of the row came before them"
        case .olderThanHistory: "they are older than the history that the table keeps"
        case .deserialization: "they could not be read, and the handler skipped them"
        case .processing: "user code threw, and the handler skipped them"
        case .production: "they could not be written, and the handler skipped them"
        case .noPartition: "the partitioner answered with no partition"
        case .expired: "their time is over for the store"
        case .late: "their window and its grace were over"
        case .outsideWindows: "their time is in no window"
        case .noMatch: "there is no row to join them with"
        case .noBranch: "no branch takes them"
        }
    }
}
