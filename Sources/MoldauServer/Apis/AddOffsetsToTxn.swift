// AddOffsetsToTxn (25): announces that the transaction will commit a group's positions. From version 2 on
// PRODUCER_FENCED is known.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension AddOffsetsToTxnRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<AddOffsetsToTxnResponse>) {
        let producer = ProducerIdentity(id: producerID, epoch: producerEpoch)
        service.broker.addOffsets(of: groupID, transactionalID, producer) { result in
            call.answer(
                AddOffsetsToTxnResponse {
                    if case .failure(let error) = result {
                        $0.errorCode = ErrorCode(error, knowsFencing: call.version >= 2)
                    }
                })
        }
    }
}
