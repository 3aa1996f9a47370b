/// Why a record was dropped. Every drop is counted by its node and one of these reasons.
public enum DropReason: String, Sendable, Codable, CaseIterable {
    /// An operator that needs a key got a record without one.
    case nullKey
    /// A record without a key reached a repartition topic, where it belongs to no partition.
    case nullKeyBeforeRepartition
    /// An aggregation got a record without a value.
    case nullValue
    /// A row was grouped by another key but has no value, which a repartition topic cannot carry.
    case nullValueBeforeRepartition
    /// A record has no key for the join's other side.
    case nullJoinKey
    /// A foreign-key join got an answer for a row that has changed since it asked.
    case staleResponse
    /// A timestamp extractor returned a negative time.
    case negativeTimestamp
    /// A late update of a versioned table reached an operator that uses current rows only.
    case outOfOrder
    /// The same for a table that is grouped by another key. Kafka Streams does not count these.
    case outOfOrderBeforeRepartition
    /// An update of a versioned table is older than the history that the table keeps.
    case olderThanHistory
    /// The bytes could not be decoded, and the deserialization handler said to skip them.
    case deserialization
    /// User code threw, and the processing handler said to skip the record.
    case processing
    /// The record could not be written, and the production handler said to skip it.
    case production
    /// A custom partitioner returned an empty list.
    case noPartition

    /// A write to a windowed store was older than its retention; counted under the store's name.
    case expired
    /// A record arrived after its window and the grace period had ended.
    case late
    /// A record's time is in no window: before the start of unlimited windows, or in no custom window.
    case outsideWindows
    /// An inner join of a stream found no row.
    case noMatch
    /// No branch of a split accepted the record.
    case noBranch

    /// Whether Kafka Streams counts this drop in its metric `dropped-records-total`.
    package var countsInKafkaStreams: Bool {
        switch self {
        case .nullKeyBeforeRepartition, .nullValueBeforeRepartition, .outOfOrderBeforeRepartition, .production,
            .noPartition, .outsideWindows, .noMatch, .noBranch:
            false
        default: true
        }
    }

    /// Whether drops for this reason may be intended. Then an operator is reported only if it drops nearly all records.
    package var isOrdinary: Bool {
        switch self {
        case .staleResponse, .noPartition, .noMatch, .noBranch, .outsideWindows: true
        default: false
        }
    }

    /// The reason as a clause about the records, for log messages.
    public var explanation: String {
        switch self {
        case .nullKey: "they have no key"
        case .nullKeyBeforeRepartition: "they have no key, so no partition could be chosen for them"
        case .nullValue: "they have no value"
        case .nullValueBeforeRepartition: "they have no value after they were grouped by another key"
        case .nullJoinKey: "their join key is nil"
        case .staleResponse: "the row has changed since it asked for its match"
        case .negativeTimestamp: "their time is before 1970"
        case .outOfOrder, .outOfOrderBeforeRepartition: "a later update of the row arrived before them"
        case .olderThanHistory: "they are older than the history that the table keeps"
        case .deserialization:
            "they could not be read, and the handler skipped them or sent them to a dead-letter topic"
        case .processing: "user code threw, and the handler skipped them or sent them to a dead-letter topic"
        case .production: "they could not be written, and the handler skipped them"
        case .noPartition: "the partitioner returned no partition"
        case .expired: "they are older than the store's retention"
        case .late: "their window and its grace period had ended"
        case .outsideWindows: "their time is in no window"
        case .noMatch: "there is no row to join them with"
        case .noBranch: "no branch accepts them"
        }
    }
}
