internal import MoldauRecords
internal import MoldauWire

// MARK: Produce

extension ProducerMachine {
    /// Takes the response to a request, or the error in its place.
    /// - Parameter chance: from 0 up to, not including, 1.
    mutating func answered(
        _ number: Int, _ result: Result<ProduceResponse, ClientError>, _ now: Duration, chance: Double
    ) -> [Action] {
        guard let request = sent.removeValue(forKey: number) else { return [] }
        inFlight[request.node, default: 1] -= 1
        var actions: [Action] = []
        var asksForMetadata = false
        switch result {
        case .failure(let error):
            asksForMetadata = true
            for (lane, batch) in request.batches { failed(batch, lane, error, now, chance, &actions) }
        case .success(let response):
            if response.throttleTimeMs > 0 {
                throttled[request.node] = now + .milliseconds(Int64(response.throttleTimeMs))
            }
            for (lane, batch) in request.batches {
                if options.acks == .none {
                    lanes[lane].settle(batch, isDelivered: true)
                    complete(batch, .success(.init()), &actions)
                } else if let answer = response.answer(for: batch.partition) {
                    asksForMetadata = asksForMetadata || answer.errorCode.asksForMetadata
                    take(answer, batch, lane, now, chance, &actions)
                } else {
                    let error = ClientError.refused(.networkException, "to say what it did with \(batch.partition)")
                    batch.mayBeAppended = true
                    lanes[lane].requeue(batch, error, now, chance: chance)
                }
            }
        }
        if asksForMetadata { actions.append(.refresh) }
        return actions
    }

    /// The request got no response.
    private mutating func failed(
        _ batch: PendingBatch, _ lane: Int, _ error: ClientError, _ now: Duration, _ chance: Double,
        _ actions: inout [Action]
    ) {
        guard error.isRetriable else { return giveUp(batch, lane, error, &actions) }
        if case .disconnected = error { batch.mayBeAppended = true }
        lanes[lane].requeue(batch, error, now, chance: chance)
    }

    private mutating func take(
        _ answer: ProduceResponse.PartitionResponse, _ batch: PendingBatch, _ lane: Int, _ now: Duration,
        _ chance: Double, _ actions: inout [Action]
    ) {
        let what = "to append records to \(batch.partition)" + (answer.errorMessage.map { " (\($0))" } ?? "")
        let error = ClientError.refused(answer.errorCode, what)
        switch answer.errorCode {
        case .none, .duplicateSequenceNumber:
            let place = BatchOutcome.Place(
                baseOffset: answer.errorCode == .none ? answer.place : nil,
                appendTime: answer.logAppendTimeMs >= 0 ? Timestamp(ms: answer.logAppendTimeMs) : nil)
            lanes[lane].settle(batch, isDelivered: true)
            complete(batch, .success(place), &actions)
        case .messageTooLarge, .invalidRecord, .invalidTimestamp:
            // Halved until a single record is refused.
            guard let parts = batch.split() else { return giveUp(batch, lane, error, &actions) }
            lanes[lane].replace(batch, by: parts.map(\.batch))
            actions.append(.split(batch.outcome, parts.map { .init(first: $0.first, outcome: $0.batch.outcome) }))
        case .outOfOrderSequenceNumber where batch.isPartOfAppended:
            // The whole batch was appended: the size limit was lowered while it was in flight. Or an earlier batch is
            // missing; a retried part must not be appended twice.
            let what = "part of a batch for \(batch.partition) that may be in the log already"
            giveUp(batch, lane, .refused(answer.errorCode, what), &actions)
        case .outOfOrderSequenceNumber where lanes[lane].followsFailure(batch):
            // An earlier batch was not appended, so neither was this one.
            batch.mayBeAppended = false
            lanes[lane].requeue(batch, error, now, chance: chance)
        case .outOfOrderSequenceNumber where options.transactionalID == nil:
            // All earlier batches were acknowledged, and the broker has lost some: this one was not appended either.
            batch.mayBeAppended = false
            lanes[lane].requireEpoch()
            lanes[lane].requeue(batch, error, now, chance: chance)
        case .unknownProducerID where !batch.mayBeAppended && options.transactionalID == nil:
            lanes[lane].requireEpoch()
            lanes[lane].requeue(batch, error, now, chance: chance)
        case .producerFenced, .invalidProducerEpoch:
            if let id = options.transactionalID { identity = .failed(.fenced(id: id)) }
            giveUp(batch, lane, options.transactionalID.map { .fenced(id: $0) } ?? error, &actions)
        case .requestTimedOut, .notEnoughReplicasAfterAppend, .notLeaderOrFollower, .kafkaStorageError:
            // The replicas may have it, and one of them may be the leader now.
            batch.mayBeAppended = true
            lanes[lane].requeue(batch, error, now, chance: chance)
        default:
            if error.isRetriable {
                lanes[lane].requeue(batch, error, now, chance: chance)
            } else {
                giveUp(batch, lane, error, &actions)
            }
        }
    }

    private mutating func giveUp(
        _ batch: PendingBatch, _ lane: Int, _ error: ClientError, _ actions: inout [Action]
    ) {
        lanes[lane].settle(batch, isDelivered: false)
        fail(batch, error, &actions)
    }
}

extension ProduceResponse.PartitionResponse {
    /// The batch's first offset; nil if the broker did not return it, or returned one after which no batch fits.
    fileprivate var place: Offset? {
        (0..<Int64.max - Int64(Int32.max)).contains(baseOffset.value) ? baseOffset : nil
    }
}

extension ProduceResponse {
    fileprivate func answer(for partition: TopicPartition) -> PartitionResponse? {
        responses.first { $0.name == partition.topic }?
            .partitionResponses.first { $0.index == partition.partition.number }
    }
}

// MARK: Identity and transactions

extension ProducerMachine {
    /// Id and epoch; nil before they are known.
    var stamp: ProducerStamp? {
        if case .known(let stamp) = identity { return stamp }
        return nil
    }

    /// Takes the response with the producer's id, or the error in its place.
    mutating func gotProducer(_ result: Result<InitProducerIdResponse, ClientError>, _ now: Duration, chance: Double) {
        guard case .asked = identity else { return }
        let error: ClientError
        switch result {
        case .success(let response) where response.errorCode == .none:
            identityBackoff.reset()
            identityRetryAt = nil
            lastStamp = ProducerStamp(
                id: response.producerID, epoch: response.producerEpoch, baseSequence: 0, isTransactional: false)
            identity = .known(
                ProducerStamp(
                    id: response.producerID, epoch: response.producerEpoch, baseSequence: 0,
                    isTransactional: options.transactionalID != nil))
            for place in lanes.indices { lanes[place].restart() }
            return
        case .success(let response) where options.transactionalID != nil:
            error = .of(
                transactional: response.errorCode, options.transactionalID ?? "", "to give the producer an id")
        case .success(let response): error = .refused(response.errorCode, "to give the producer an id")
        case .failure(let failure): error = failure
        }
        notIdentified(error, now, chance)
    }

    /// Takes the response to `abort`; only then a new id is requested.
    mutating func aborted(_ result: Result<EndTxnResponse, ClientError>, _ now: Duration, chance: Double) {
        guard case .asked = identity else { return }
        switch result.map(\.errorCode) {
        case .success(.none), .success(.invalidTxnState), .success(.invalidProducerIDMapping):
            // Or no transaction is open: none has begun, or it has already ended.
            hasTransaction = false
            identity = .unknown
        case .success(let code):
            notIdentified(
                .of(transactional: code, options.transactionalID ?? "", "to end the transaction"), now, chance)
        case .failure(let error): notIdentified(error, now, chance)
        }
    }

    private mutating func notIdentified(_ error: ClientError, _ now: Duration, _ chance: Double) {
        if error.isRetriable {
            identity = .unknown
            identityRetryAt = now + identityBackoff.pause(chance: chance)
        } else {
            identity = .failed(error)
        }
    }

    /// Takes the result of `addPartitions`: nil if the partitions belong to the transaction now.
    mutating func addedPartitions(
        _ partitions: [TopicPartition], _ asked: ProducerStamp, _ error: ClientError?, _ now: Duration, chance: Double
    ) {
        // The response may belong to a transaction that was aborted meanwhile.
        guard asked == stamp else { return }
        isAdding = false
        guard let error else {
            let added = Set(partitions)
            for place in lanes.indices where added.contains(lanes[place].partition) {
                lanes[place].isInTransaction = true
            }
            return
        }
        if error.isRetriable {
            addingRetryAt = now + .milliseconds(20)
        } else if case .fenced = error {
            identity = .failed(error)
        } else if transactionError == nil {
            transactionError = .transactionFailed(reason: "\(error)")
        }
    }

    /// Ends a committed transaction: the next one has no partitions yet. It begins in the same epoch if no request of
    /// this one can arrive any more.
    mutating func endTransaction() {
        hasTransaction = false
        if hasStragglers { return renewIdentity() }
        for place in lanes.indices { lanes[place].isInTransaction = false }
    }

    /// The next transaction begins in a new epoch, as after an abort, so that late requests of this one are refused. If
    /// the cluster has not confirmed the abort, it is requested again first.
    mutating func renewIdentity() {
        transactionError = nil
        hasStragglers = false
        isAdding = false
        if case .known = identity { identity = .unknown }
    }

    /// The error after which the producer can do nothing more.
    var fatalError: ClientError? {
        if case .failed(let error) = identity { return error }
        return nil
    }
}

extension Headers {
    /// Roughly their size in a record.
    var byteCount: Int { reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) + 10 } }
}
