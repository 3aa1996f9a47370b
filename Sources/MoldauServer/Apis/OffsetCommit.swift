// OffsetCommit (8): commits positions of a group, for a member or, while the group has none, for any client.
//
// Version 1, which librdkafka's feature check requires, is supported too. Ignored: `retentionTimeMs`,
// `commitTimestamp`.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension OffsetCommitRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<OffsetCommitResponse>) {
        let positions = topics.flatMap { topic in
            topic.partitions.map { partition in
                CommittedPosition(
                    TopicPartition(topic.name, partition.partitionIndex), partition.committedOffset,
                    leaderEpoch: partition.committedLeaderEpoch, metadata: partition.committedMetadata ?? "")
            }
        }
        let member = MemberGeneration(
            group: groupID, generation: generationIDOrMemberEpoch, memberID: memberID, instanceID: groupInstanceID)
        let topics = topics
        service.commit(positions, member) { codes in
            call.answer(
                OffsetCommitResponse {
                    var place = 0
                    $0.topics = topics.map { topic in
                        OffsetCommitResponse.Topic {
                            $0.name = topic.name
                            $0.partitions = topic.partitions.map { partition in
                                defer { place += 1 }
                                return OffsetCommitResponse.Partition {
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
