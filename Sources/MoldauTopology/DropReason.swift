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
}
