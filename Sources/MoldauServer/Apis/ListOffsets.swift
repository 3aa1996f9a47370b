// ListOffsets (2): the start and end of a partition, and the first record at or after a time.
//
//     −1     the end: the high watermark, for readers of committed records the last stable offset
//     −2     the first offset held; −4: the same, since there is no tiered storage
//     −3     the record with the latest timestamp, and its time
//     −5     the end of tiered storage: none

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension ListOffsetsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<ListOffsetsResponse>) {
        let isolation: Isolation = isolationLevel == 1 ? .committed : .uncommitted
        call.answer(
            ListOffsetsResponse {
                $0.topics = topics.map { topic in
                    ListOffsetsResponse.Topic {
                        $0.name = topic.name
                        $0.partitions = topic.partitions.map { find($0, topic.name, isolation, service, call.version) }
                    }
                }
            })
    }

    private func find<Files: FileSystem>(
        _ wanted: Partition, _ topic: String, _ isolation: Isolation, _ service: RequestService<Files>, _ version: Int16
    ) -> ListOffsetsResponse.Partition {
        var found = ListOffsetsResponse.Partition()
        found.partitionIndex = wanted.partitionIndex
        do throws(BrokerError) {
            let partition = try service.broker.partition(TopicPartition(topic, wanted.partitionIndex))
            if wanted.currentLeaderEpoch > 0 {
                found.errorCode = .unknownLeaderEpoch
                return found
            }
            let marks = try partition.watermarks()
            let end = isolation == .committed ? marks.lastStableOffset : marks.highWatermark
            switch wanted.timestamp {
            case -1: found.tell(end)
            case -2, -4: found.tell(marks.start)
            case -5: break
            case -3:
                if let record = try partition.latestRecord(), record.offset < end {
                    found.tell(record.offset, record.timestamp)
                }
            default:
                if let record = try partition.record(atOrAfter: Timestamp(ms: wanted.timestamp)), record.offset < end {
                    found.tell(record.offset, record.timestamp)
                }
            }
        } catch {
            found.errorCode = ErrorCode(error)
        }
        return found
    }
}

extension ListOffsetsResponse.Partition {
    fileprivate mutating func tell(_ offset: Offset, _ timestamp: Timestamp = .none) {
        self.offset = offset
        self.timestamp = timestamp.ms
        oldStyleOffsets = [offset]
        leaderEpoch = 0
    }
}
