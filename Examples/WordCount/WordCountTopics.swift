import Foundation
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords

/// The topics, and how far the application is with them.
final class WordCountTopics {
    let inputPartitions: [TopicPartition]
    private let admin: any Admin
    private let consumer: any Consumer

    /// Creates the topics that are not there. Input is kept for ever: it knows which lines are counted.
    /// - Parameter partitionCount: of topics that are not there; others keep theirs.
    init(_ cluster: EmbeddedCluster, partitionCount: Int32) throws {
        admin = try cluster.makeAdmin(clientID: "word-count")
        consumer = try cluster.makeConsumer(clientID: "word-count-watch")
        consumer.group = WordCountTopology.id
        let (lines, counts) = (WordCountTopology.lines.name, WordCountTopology.counts.name)
        let found = try admin.describe([lines, counts])
        let wanted = [
            NewTopic(lines, partitionCount: partitionCount, configuration: ["retention.ms": "-1"]),
            NewTopic(counts, partitionCount: partitionCount, configuration: ["cleanup.policy": "compact"]),
        ]
        try admin.create(wanted.filter { found[$0.name] == nil })
        inputPartitions = (0..<(found[lines]?.partitionCount ?? partitionCount)).map { TopicPartition(lines, $0) }
    }

    deinit {
        consumer.close()
        admin.close()
    }

    /// Returns when the positions that the application has committed are the ends of its topics: everything is counted then, and
    /// the counts are written. Blocks.
    func waitUntilCounted(_ progress: ProgressBar, while isAtWork: () -> Bool) throws {
        while isAtWork() {
            // Words are committed behind the lines that they come from, so lines are looked at first.
            let lines = try lag(of: inputPartitions)
            if lines.left == 0, try lag(of: try repartitionPartitions()).left == 0 { return }
            progress.counting(left: lines.left, of: lines.all)
            Thread.sleep(forTimeInterval: 0.01)
        }
    }

    private func repartitionPartitions() throws -> [TopicPartition] {
        try admin.topics().filter { $0.name.hasPrefix("\(WordCountTopology.id)-") && $0.name.hasSuffix("-repartition") }
            .flatMap { topic in (0..<topic.partitionCount).map { TopicPartition(topic.name, $0) } }
    }

    private func lag(of partitions: [TopicPartition]) throws -> (left: Int64, all: Int64) {
        let bounds = try consumer.bounds(of: Set(partitions))
        let committed = try consumer.committed(Set(partitions))
        return bounds.reduce(into: (0, 0)) { sum, entry in
            let (partition, held) = entry
            sum.0 += held.upperBound - max(committed[partition]?.offset ?? .zero, held.lowerBound)
            sum.1 += held.upperBound - held.lowerBound
        }
    }
}
