// TxnOffsetCommit (28): positions of a group that count from the transaction's commit on.
//
// Versions 0 to 4; version 5 leaves AddOffsetsToTxn out, which needs `transaction.version` 2. From version 3 on the
// member's generation is checked; −1 and no id are checked by nobody (KIP-447).

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension TxnOffsetCommitRequest: ServedRequest {
    static var servedVersions: ClosedRange<Int16> { 0...4 }

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
        let topics = topics
        service.commit(
            positions, member, in: (transactionalID, ProducerIdentity(id: producerID, epoch: producerEpoch))
        ) { codes in
            call.answer(
                TxnOffsetCommitResponse {
                    var place = 0
                    $0.topics = topics.map { topic in
                        TxnOffsetCommitResponse.Topic {
                            $0.name = topic.name
                            $0.partitions = topic.partitions.map { partition in
                                defer { place += 1 }
                                return TxnOffsetCommitResponse.Partition {
                                    $0.partitionIndex = partition.partitionIndex
                                    $0.errorCode = codes[place]
                                }
                            }
                        }
                    }
                })
        }
    }
}
