// DescribeProducers (61): the producers that wrote to partitions, and their open transactions.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension DescribeProducersRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DescribeProducersResponse>) {
        call.answer(
            DescribeProducersResponse {
                $0.topics = topics.map { topic in
                    DescribeProducersResponse.Topic {
                        $0.name = topic.name
                        $0.partitions = topic.partitionIndexes.map { describe(TopicPartition(topic.name, $0), service) }
                    }
                }
            })
    }

    private func describe<Files: FileSystem>(
        _ name: TopicPartition, _ service: RequestService<Files>
    ) -> DescribeProducersResponse.Partition {
        var found = DescribeProducersResponse.Partition()
        found.partitionIndex = name.partition.number
        do throws(BrokerError) {
            found.activeProducers = try service.broker.partition(name).producers().map { producer in
                DescribeProducersResponse.ProducerState {
                    $0.producerID = producer.id
                    $0.producerEpoch = Int32(producer.epoch)
                    $0.lastSequence = producer.lastSequence
                    $0.lastTimestamp = producer.lastTimestamp.ms
                    $0.coordinatorEpoch = producer.coordinatorEpoch
                    $0.currentTxnStartOffset = producer.transactionStart ?? Offset(-1)
                }
            }
        } catch {
            (found.errorCode, found.errorMessage) = (ErrorCode(error), error.reason)
        }
        return found
    }
}
