// EndTxn (26): versions 0 to 4; version 5 raises the epoch with every transaction, which needs `transaction.version` 2.
// From version 2 on PRODUCER_FENCED is known.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension EndTxnRequest: ServedRequest {
    static var servedVersions: ClosedRange<Int16> { 0...4 }

    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<EndTxnResponse>) {
        let producer = ProducerIdentity(id: producerID, epoch: producerEpoch)
        service.broker.endTransaction(transactionalID, producer, commit: committed) { result in
            call.answer(
                EndTxnResponse {
                    if case .failure(let error) = result {
                        $0.errorCode = ErrorCode(error, knowsFencing: call.version >= 2)
                    }
                })
        }
    }
}
