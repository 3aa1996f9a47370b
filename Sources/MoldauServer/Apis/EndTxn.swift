// EndTxn (26): from version 2 on PRODUCER_FENCED is known. From version 5 on each transaction has its own epoch
// (KIP-890): the next one is in the answer. Clients use that version if the feature `transaction.version` is 2.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension EndTxnRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<EndTxnResponse>) {
        let producer = ProducerIdentity(id: producerID, epoch: producerEpoch)
        @Sendable func answer(_ result: Result<ProducerIdentity?, BrokerError>) {
            call.answer(
                EndTxnResponse {
                    switch result {
                    case .success(let next): ($0.producerID, $0.producerEpoch) = (next?.id ?? -1, next?.epoch ?? -1)
                    case .failure(let error): $0.errorCode = ErrorCode(error, knowsFencing: call.version >= 2)
                    }
                })
        }
        if call.version >= 5 {
            service.broker.endTransactionAndEpoch(transactionalID, producer, commit: committed) { result in
                answer(result.map { next in next })
            }
        } else {
            service.broker.endTransaction(transactionalID, producer, commit: committed) { result in
                answer(result.map { nil })
            }
        }
    }
}
