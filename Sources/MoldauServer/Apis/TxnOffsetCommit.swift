// TxnOffsetCommit (28): positions of a group that take effect when the transaction commits.
//
// From version 3 on the member's generation is checked; −1 with an empty id is not checked (KIP-447). From version 5 on
// the request adds the group to the transaction itself, and AddOffsetsToTxn is not sent (KIP-890).

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension TxnOffsetCommitRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<TxnOffsetCommitResponse>) {
        let positions = topics.flatMap { topic in
            topic.partitions.map { partition in
                CommittedPosition(
                    TopicPartition(topic.name, partition.partitionIndex), partition.committedOffset,
                    leaderEpoch: partition.committedLeaderEpoch, metadata: partition.committedMetadata ?? "")
            }
        }
        let member = MemberGeneration(
            group: groupID, generation: generationID, memberID: memberID, instanceID: groupInstanceID)
        let producer = ProducerIdentity(id: producerID, epoch: producerEpoch)
        let (id, topics) = (transactionalID, topics)
        let answer: @Sendable ([ErrorCode]) -> Void = { call.answer(TxnOffsetCommitResponse(topics, $0)) }
        guard call.version >= 5 else { return service.commit(positions, member, in: (id, producer), then: answer) }
        service.broker.addOffsets(of: groupID, id, producer) { result in
            switch result {
            case .success: service.commit(positions, member, in: (id, producer), then: answer)
            case .failure(let error): answer(positions.map { _ in ErrorCode(group: error) })
            }
        }
    }
}

extension TxnOffsetCommitResponse {
    /// The code of each partition, in the order of the request.
    fileprivate init(_ topics: [TxnOffsetCommitRequest.Topic], _ codes: [ErrorCode]) {
        self.init { response in
            var place = 0
            response.topics = topics.map { topic in
                Topic {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition in
                        defer { place += 1 }
                        return Partition {
                            $0.partitionIndex = partition.partitionIndex
                            $0.errorCode = codes[place]
                        }
                    }
                }
            }
        }
    }
}
