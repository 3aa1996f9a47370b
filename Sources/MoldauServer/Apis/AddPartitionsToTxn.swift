// AddPartitionsToTxn (24): versions 0 to 3, those of clients; brokers send 4 and 5 to each other.
//
// If one partition cannot be added, none is: the others get OPERATION_NOT_ATTEMPTED.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension AddPartitionsToTxnRequest: ServedRequest {
    static var servedVersions: ClosedRange<Int16> { 0...3 }

    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<AddPartitionsToTxnResponse>) {
        let names = v3AndBelowTopics.flatMap { topic in topic.partitions.map { TopicPartition(topic.name, $0) } }
        let unknown = Set(names.filter { (try? service.broker.partition($0)) == nil })
        var refusal: ErrorCode?
        if unknown.isEmpty {
            do throws(BrokerError) {
                try service.broker.addPartitions(
                    names, v3AndBelowTransactionalID,
                    ProducerIdentity(id: v3AndBelowProducerID, epoch: v3AndBelowProducerEpoch))
            } catch {
                refusal = ErrorCode(error, knowsFencing: call.version >= 2)
            }
        }
        call.answer(
            AddPartitionsToTxnResponse {
                $0.resultsByTopicV3AndBelow = v3AndBelowTopics.map { topic in
                    AddPartitionsToTxnResponse.TopicResult {
                        $0.name = topic.name
                        $0.resultsByPartition = topic.partitions.map { number in
                            AddPartitionsToTxnResponse.PartitionResult {
                                $0.partitionIndex = number
                                let isUnknown = unknown.contains(TopicPartition(topic.name, number))
                                $0.partitionErrorCode =
                                    refusal
                                    ?? (isUnknown
                                        ? .unknownTopicOrPartition : unknown.isEmpty ? .none : .operationNotAttempted)
                            }
                        }
                    }
                }
            })
    }
}
