// DescribeTopicPartitions (75): topics with their partitions, a page at a time, in the order of the topics' names.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension DescribeTopicPartitionsRequest: ServedRequest {
    /// Kafka's `max.request.partition.size.limit`.
    private static var maxPartitions: Int { 2_000 }

    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DescribeTopicPartitionsResponse>) {
        let names = topics.isEmpty ? service.broker.topics().map(\.name) : Set(topics.map(\.name)).sorted()
        var left = min(max(Int(responsePartitionLimit), 1), Self.maxPartitions)
        var response = DescribeTopicPartitionsResponse()
        for name in names where name >= cursor?.topicName ?? "" {
            guard left > 0 else {
                response.nextCursor = .init { ($0.topicName, $0.partitionIndex) = (name, 0) }
                break
            }
            guard let topic = service.broker.topic(name) else {
                response.topics.append(
                    .init {
                        $0.name = name
                        $0.topicAuthorizedOperations = AllowedOperations.topic
                        $0.errorCode =
                            TopicName.objection(to: name) == nil ? .unknownTopicOrPartition : .invalidTopicException
                    })
                continue
            }
            let start = cursor?.topicName == name ? min(max(cursor?.partitionIndex ?? 0, 0), topic.partitionCount) : 0
            let end = min(topic.partitionCount, start + Int32(clamping: left))
            left -= Int(end - start)
            response.topics.append(.init(topic, start..<end))
            if end < topic.partitionCount {
                response.nextCursor = .init { ($0.topicName, $0.partitionIndex) = (name, end) }
                break
            }
        }
        call.answer(response)
    }
}

extension DescribeTopicPartitionsResponse.Topic {
    fileprivate init(_ topic: TopicMetadata, _ numbers: Range<Int32>) {
        self.init {
            $0.name = topic.name
            $0.topicID = topic.id ?? .zero
            $0.isInternal = Broker<PosixFileSystem>.isInternal(topic.name)
            $0.topicAuthorizedOperations = AllowedOperations.topic
            $0.partitions = numbers.map { number in
                DescribeTopicPartitionsResponse.Partition {
                    $0.partitionIndex = number
                    $0.leaderID = 1
                    $0.leaderEpoch = 0
                    $0.replicaNodes = [1]
                    $0.isrNodes = [1]
                    $0.eligibleLeaderReplicas = []
                    $0.lastKnownElr = []
                }
            }
        }
    }
}
