// Administrative calls to a broker, besides creating topics and changing their settings.

internal import MoldauLog
package import MoldauRecords

/// How many topics, and how many partitions in all of them, may be created.
package struct TopicLimits: Equatable, Sendable {
    package var topics = Int.max
    package var partitions = Int.max

    package init(topics: Int = .max, partitions: Int = .max) {
        (self.topics, self.partitions) = (topics, partitions)
    }
}

/// A partition in a data directory, and how many bytes its records take.
package struct PartitionSize: Equatable, Sendable {
    package let partition: TopicPartition
    package let bytes: Int
}

extension Broker {
    /// The topic of that name; created if it does not exist.
    /// - Parameter partitionCount: Kafka's `num.partitions`.
    /// - Throws: what `create` throws, but never `.topicExists`.
    package func topic(creating name: String, partitionCount: Int32 = 1) throws(BrokerError) -> TopicMetadata {
        if let known = topic(name) { return known }
        do throws(BrokerError) {
            try create([TopicMetadata(name: name, partitionCount: partitionCount)])
        } catch {
            guard case .topicExists = error else { throw error }
        }
        guard let created = topic(name) else { throw .unknownTopic(name) }
        return created
    }

    /// The data directory, and the sizes of all partitions in it, in order. Unused partitions take no bytes. Those that
    /// cannot be opened are left out.
    package func sizes() -> (directory: String, partitions: [PartitionSize]) {
        let sizes = allPartitions().compactMap { partition in
            (try? partition.byteCount()).map { PartitionSize(partition: partition.name, bytes: $0) }
        }
        return (directory, sizes)
    }
}

extension BrokerPartition {
    /// How many bytes the records take on disk.
    package func byteCount() throws(BrokerError) -> Int {
        try withLog { log throws(LogError) in try log.byteCount() } ?? 0
    }

    /// Makes the records below `offset` unreadable, and deletes the segments that hold no others.
    /// - Parameter offset: nil: everything below the high watermark.
    /// - Returns: the first offset that is held now.
    /// - Throws: `BrokerError.internalTopic`; `.undeletable` if the topic is only compacted; `.log` with
    ///   `.offsetOutOfRange` if the offset lies beyond the high watermark.
    package func deleteDurableRecords(before offset: Offset?) throws(BrokerError) -> Offset {
        if Broker<Files>.isInternal(name.topic) { throw .internalTopic(name.topic) }
        guard configuration.deletesOld else { throw .undeletable(name) }
        let start = try withLog { log throws(LogError) in
            let watermarks = log.watermarks(holdsBack: holdsBack)
            let wanted = offset ?? watermarks.highWatermark
            guard wanted >= .zero, wanted <= watermarks.highWatermark else {
                throw .offsetOutOfRange(requested: wanted, held: watermarks.start..<watermarks.highWatermark)
            }
            try log.deleteRecords(before: wanted)
            return log.startOffset
        }
        if let start { return start }
        try checkEmpty(offset ?? .zero)
        return .zero
    }
}
