// WriteTxnMarkers (27): aborts transactions that hang (`kafka-transactions --abort`). Commits are reserved to the
// coordinator.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension WriteTxnMarkersRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<WriteTxnMarkersResponse>) {
        call.answer(
            WriteTxnMarkersResponse {
                $0.markers = markers.map { marker in
                    WriteTxnMarkersResponse.MarkerResult {
                        $0.producerID = marker.producerID
                        $0.topics = marker.topics.map { topic in
                            WriteTxnMarkersResponse.Topic {
                                $0.name = topic.name
                                $0.partitions = topic.partitionIndexes.map { number in
                                    WriteTxnMarkersResponse.Partition {
                                        $0.partitionIndex = number
                                        $0.errorCode = abort(marker, TopicPartition(topic.name, number), service)
                                    }
                                }
                            }
                        }
                    }
                }
            })
    }

    private func abort<Files: FileSystem>(
        _ marker: Marker, _ name: TopicPartition, _ service: RequestService<Files>
    ) -> ErrorCode {
        if marker.transactionResult { return .invalidRequest }
        do throws(BrokerError) {
            try service.broker.abortHanging(
                ProducerIdentity(id: marker.producerID, epoch: marker.producerEpoch), in: name)
            return .none
        } catch {
            return ErrorCode(error)
        }
    }
}
