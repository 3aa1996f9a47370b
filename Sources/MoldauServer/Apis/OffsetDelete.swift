// OffsetDelete (47): deletes positions of a group in topics to which none of its members subscribes.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension OffsetDeleteRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<OffsetDeleteResponse>) {
        let names = topics.flatMap { topic in topic.partitions.map { TopicPartition(topic.name, $0.partitionIndex) } }
        service.broker.ask(.deleteOffsets(group: groupID, partitions: names)) { result in
            call.answer(
                OffsetDeleteResponse {
                    switch result {
                    case .success(.deleteOffsets(let error, let results)):
                        $0.errorCode = ErrorCode(error)
                        for result in results {
                            if $0.topics.last?.name != result.partition.topic {
                                $0.topics.append(.init { $0.name = result.partition.topic })
                            }
                            $0.topics[$0.topics.count - 1].partitions.append(
                                .init {
                                    $0.partitionIndex = result.partition.partition.number
                                    $0.errorCode = ErrorCode(result.error)
                                })
                        }
                    case .success: $0.errorCode = .unknownServerError
                    case .failure(let error): $0.errorCode = ErrorCode(group: error)
                    }
                })
        }
    }
}
