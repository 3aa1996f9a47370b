// OffsetForLeaderEpoch (23): the end of a leader epoch. The only epoch is 0, which has not ended.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension OffsetForLeaderEpochRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<OffsetForLeaderEpochResponse>) {
        call.answer(
            OffsetForLeaderEpochResponse {
                $0.topics = topics.map { topic in
                    OffsetForLeaderEpochResponse.Topic {
                        $0.topic = topic.topic
                        $0.partitions = topic.partitions.map { find($0, in: topic.topic, service) }
                    }
                }
            })
    }

    private func find<Files: FileSystem>(
        _ wanted: Partition, in topic: String, _ service: RequestService<Files>
    ) -> OffsetForLeaderEpochResponse.EpochEndOffset {
        var found = OffsetForLeaderEpochResponse.EpochEndOffset()
        found.partition = wanted.partition
        do throws(BrokerError) {
            let marks = try service.broker.partition(TopicPartition(topic, wanted.partition)).watermarks()
            if wanted.currentLeaderEpoch > 0 {
                found.errorCode = .unknownLeaderEpoch
            } else if wanted.leaderEpoch == 0 {
                (found.leaderEpoch, found.endOffset) = (0, marks.highWatermark)
            }
        } catch {
            found.errorCode = ErrorCode(error)
        }
        return found
    }
}
