// DescribeTransactions (65): the state of transactional ids.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension DescribeTransactionsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DescribeTransactionsResponse>) {
        call.answer(
            DescribeTransactionsResponse {
                $0.transactionStates = transactionalIDs.map { id in
                    do throws(BrokerError) {
                        return .init(try service.broker.describeTransaction(id))
                    } catch {
                        return .init {
                            $0.transactionalID = id
                            $0.errorCode = ErrorCode(error)
                        }
                    }
                }
            })
    }
}

extension DescribeTransactionsResponse.TransactionState {
    fileprivate init(_ transaction: TransactionDescription) {
        self.init {
            $0.transactionalID = transaction.id
            $0.transactionState = transaction.status.name
            $0.transactionTimeoutMs = transaction.timeoutMs
            $0.transactionStartTimeMs = transaction.started?.ms ?? -1
            $0.producerID = transaction.producer.id
            $0.producerEpoch = transaction.producer.epoch
            for partition in transaction.partitions {
                if $0.topics.last?.topic != partition.topic { $0.topics.append(.init { $0.topic = partition.topic }) }
                $0.topics[$0.topics.count - 1].partitions.append(partition.partition.number)
            }
        }
    }
}
