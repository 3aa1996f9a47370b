// DeleteRecords (21): moves the first offset of partitions forward; −1 means the high watermark.
//
// Ignored: `timeoutMs`: there are no followers to wait for.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension DeleteRecordsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DeleteRecordsResponse>) {
        call.answer(
            DeleteRecordsResponse {
                $0.topics = topics.map { topic in
                    DeleteRecordsResponse.Topic {
                        $0.name = topic.name
                        $0.partitions = topic.partitions.map { delete($0, in: topic.name, service) }
                    }
                }
            })
    }

    private func delete<Files: FileSystem>(
        _ wanted: Partition, in topic: String, _ service: RequestService<Files>
    ) -> DeleteRecordsResponse.Partition {
        var result = DeleteRecordsResponse.Partition()
        result.partitionIndex = wanted.partitionIndex
        do throws(BrokerError) {
            let partition = try service.broker.partition(TopicPartition(topic, wanted.partitionIndex))
            result.lowWatermark = try partition.deleteDurableRecords(
                before: wanted.offset == Offset(-1) ? nil : wanted.offset)
        } catch {
            result.errorCode = ErrorCode(error)
            result.lowWatermark = Offset(-1)
        }
        return result
    }
}
