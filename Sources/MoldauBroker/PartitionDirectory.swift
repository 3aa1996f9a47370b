// The names of partitions' directories, as in Kafka:
//
//     orders-3                                           partition 3 of the topic 'orders'
//     orders-3.5f2c…(32 digits)-delete                   deleted: removed at the next start at the latest
//     orders-3.5f2c…(32 digits)-stray                    of an unknown topic: moved aside for a new topic, and kept

internal import MoldauLog
internal import MoldauRecords

/// Interprets the name of a directory beside the file of topics.
enum PartitionDirectory {
    static let deleted = "-delete"
    static let stray = "-stray"
    /// Kafka's own log of its cluster metadata, which may be beside the topics.
    private static let clusterTopic = "__cluster_metadata"

    /// The partition of a directory; nil for other names.
    static func partition<Files: FileSystem>(of name: String, _: Files.Type) -> TopicPartition? {
        guard let partition = TopicPartition(directoryName: name), partition.topic != clusterTopic,
            TopicName.objection(to: partition.topic) == nil,
            partition.partition.number < TopicCatalog<Files>.maxPartitionCount
        else { return nil }
        return partition
    }

    /// Whether a directory was deleted.
    static func isDeleted(_ name: String) -> Bool {
        guard name.hasSuffix(deleted), let dot = name.lastIndex(of: ".") else { return false }
        let digits = name[name.index(after: dot)...].dropLast(deleted.count)
        return digits.utf8.count == 32 && digits.utf8.allSatisfy { $0.hexadecimalDigit != nil }
    }

    /// A name for a directory that must no longer be taken for a partition's.
    static func name(for partition: TopicPartition, _ suffix: String, _ generator: inout some RandomNumberGenerator)
        -> String
    {
        let digits = (0..<2).map { _ in
            let number = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - number.utf8.count) + number
        }.joined()
        return "\(partition).\(digits)\(suffix)"
    }
}
