// ElectLeaders (43): this broker leads all its partitions, so none needs an election.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension ElectLeadersRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<ElectLeadersResponse>) {
        call.answer(
            ElectLeadersResponse {
                // null: all partitions; partitions that need no election are not listed then.
                $0.replicaElectionResults = (topicPartitions ?? []).map { topic in
                    ElectLeadersResponse.TopicResult {
                        $0.topic = topic.topic
                        $0.partitionResult = topic.partitions.map { number in
                            let isThere = (try? service.broker.partition(TopicPartition(topic.topic, number))) != nil
                            return ElectLeadersResponse.PartitionResult {
                                $0.partitionID = number
                                $0.errorCode = isThere ? .electionNotNeeded : .unknownTopicOrPartition
                            }
                        }
                    }
                }
            })
    }
}
