internal import MoldauRecords

extension Sequence<TopicPartition> {
    /// The partition numbers of each topic, sorted by topic name.
    var byTopic: [(topic: String, partitions: [Int32])] {
        var topics: [(topic: String, partitions: [Int32])] = []
        for partition in sorted() {
            if topics.last?.topic != partition.topic { topics.append((partition.topic, [])) }
            topics[topics.count - 1].partitions.append(partition.partition.number)
        }
        return topics
    }
}
