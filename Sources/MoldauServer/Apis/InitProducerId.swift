// InitProducerId (22): an id for an idempotent producer, or the next epoch of a transactional id, which fences the
// earlier ones. From version 3 on a producer can continue with a new epoch (KIP-360); from version 4 on PRODUCER_FENCED
// is known.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension InitProducerIdRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<InitProducerIdResponse>) {
        let known = producerID < 0 ? nil : ProducerIdentity(id: producerID, epoch: producerEpoch)
        service.broker.initProducer(transactionalID, timeoutMs: transactionTimeoutMs, as: known) { result in
            call.answer(
                InitProducerIdResponse {
                    switch result {
                    case .success(let producer): ($0.producerID, $0.producerEpoch) = (producer.id, producer.epoch)
                    case .failure(let error):
                        $0.errorCode = ErrorCode(error, knowsFencing: call.version >= 4)
                        ($0.producerID, $0.producerEpoch) = (-1, -1)
                    }
                })
        }
    }
}
