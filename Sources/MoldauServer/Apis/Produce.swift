// Produce (0): batches are appended to the log as they were sent, unless the topic sets another compression; an answer
// to acks=all waits for the disk.
//
// Versions 0 to 2 are advertised, because librdkafka before 2.9 compresses only if version 0 is there; they carry
// formats that no client writes any more, and are answered with UNSUPPORTED_FOR_MESSAGE_FORMAT.
//
// If a batch is refused because of single records, the answer lists the first 1,000 of them.
//
// From version 12 on a transactional batch adds its partition to the transaction, and AddPartitionsToTxn is not sent
// (KIP-890). Before that `transactionalId` is ignored: the batches contain their producer.
//
// Ignored: `timeoutMs`: an append waits for the disk, which answers or fails.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension ProduceRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<ProduceResponse>) {
        let acks = acks
        let names = topicData.flatMap { topic in topic.partitionData.map { TopicPartition(topic.name, $0.index) } }
        let gathering = Gathering(count: names.count) { (results: [ProduceResponse.PartitionResponse]) in
            Self.answer(names, results, acks: acks, call)
        }
        var place = 0
        for topic in topicData {
            for data in topic.partitionData {
                append(data, names[place], by: service, call.version) { [place] in gathering.set($0, at: place) }
                place += 1
            }
        }
    }

    private func append<Files: FileSystem>(
        _ data: PartitionData, _ name: TopicPartition, by service: RequestService<Files>, _ version: Int16,
        then completion: @escaping @Sendable (ProduceResponse.PartitionResponse) -> Void
    ) {
        func refuse(_ code: ErrorCode, _ reason: String?) {
            completion(.init(name, refused: code, reason))
        }
        guard version >= 3 else { return refuse(.unsupportedForMessageFormat, nil) }
        guard (-1...1).contains(acks) else { return refuse(.invalidRequiredAcks, nil) }
        guard case .bytes(let batches) = data.records, batches.count > 0 else {
            return refuse(.invalidRecord, "there are no records for \(name)")
        }
        do throws(BrokerError) {
            let partition = try service.broker.partition(name)
            if version >= 12, let transactionalID { try enlist(name, batches, transactionalID, service) }
            let appended = try partition.append(sent: batches.bytes)
            partition.acknowledge(appended, acks == -1 ? .whenDurable : .whenWritten) { result in
                switch result {
                case .success(let appended):
                    completion(
                        .init {
                            $0.index = name.partition.number
                            $0.baseOffset = appended.first
                            $0.logAppendTimeMs = appended.logAppendTime?.ms ?? -1
                            $0.logStartOffset = (try? partition.bounds().lowerBound) ?? .zero
                        })
                case .failure(let error): completion(.init(name, refused: ErrorCode(error), error.reason))
                }
            }
        } catch {
            var response = ProduceResponse.PartitionResponse(name, refused: ErrorCode(error), error.reason)
            if case .log(_, let cause) = error { response.tell(cause, in: batches.bytes, for: name) }
            completion(response)
        }
    }

    /// Adds the partition of a transactional batch to its producer's transaction. Bytes that are not a batch are
    /// refused by the append.
    private func enlist<Files: FileSystem>(
        _ name: TopicPartition, _ batches: WireBytes, _ id: String, _ service: RequestService<Files>
    ) throws(BrokerError) {
        guard let producer = (try? RecordBatchHeader(batches.bytes))?.producer, producer.isTransactional else { return }
        try service.broker.addPartitions([name], id, ProducerIdentity(id: producer.id, epoch: producer.epoch))
    }

    private static func answer(
        _ names: [TopicPartition], _ results: [ProduceResponse.PartitionResponse], acks: Int16,
        _ call: Call<ProduceResponse>
    ) {
        if acks == 0 {
            // The only way to report an error to such a client.
            guard let error = results.first(where: { $0.errorCode != .none }) else { return call.answerNothing() }
            return call.close(reason: "records of a request with acks=0 were refused: \(error.errorCode)")
        }
        call.answer(
            ProduceResponse { response in
                for (name, result) in zip(names, results) {
                    if response.responses.last?.name != name.topic {
                        response.responses.append(.init { $0.name = name.topic })
                    }
                    response.responses[response.responses.count - 1].partitionResponses.append(result)
                }
            })
    }
}

extension ProduceResponse.PartitionResponse {
    fileprivate init(_ name: TopicPartition, refused code: ErrorCode, _ reason: String?) {
        self.init {
            $0.index = name.partition.number
            $0.errorCode = code
            $0.baseOffset = Offset(-1)
            $0.errorMessage = reason
        }
    }

    /// The maximum number of records in an error answer.
    private static var maxRecordErrors: Int { 1_000 }

    /// Sets Kafka's messages for the records because of which the batch was refused, if there are any (KIP-467).
    fileprivate mutating func tell(_ error: LogError, in batch: UnsafeRawBufferPointer, for name: TopicPartition) {
        func tell(_ message: String, _ fault: (RecordView) -> String?) {
            errorMessage = message
            var reader = RecordBatchReader(batch)
            while recordErrors.count < Self.maxRecordErrors, let record = try? reader.next() {
                guard let text = fault(record) else { continue }
                let index = Int32(clamping: record.offset.value)
                recordErrors.append(
                    .init {
                        $0.batchIndex = index
                        $0.batchIndexErrorMessage = text
                    })
            }
        }
        switch error {
        case .nullKey:
            tell("One or more records have been rejected") { record in
                guard record.key == nil else { return nil }
                return "Compacted topic cannot accept message without key in topic partition \(name)."
            }
        case .timestampOutOfBounds(_, _, let allowed):
            tell("One or more records have been rejected due to invalid timestamp") { record in
                if record.timestamp == .none || allowed.contains(record.timestamp) { return nil }
                return """
                    Timestamp \(record.timestamp.ms) of message with offset \(record.offset.value) is out of range. \
                    The timestamp should be within [\(allowed.lowerBound.ms), \(allowed.upperBound.ms)]
                    """
            }
        default: break
        }
    }
}
