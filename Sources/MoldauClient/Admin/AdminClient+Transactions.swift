internal import MoldauWire

extension AdminClient {
    /// A transactional id.
    public struct TransactionListing: Sendable, Equatable {
        /// The id.
        public let transactionalID: String
        /// The id of its producer.
        public let producerID: Int64
        /// Kafka's name of the state: `Empty`, `Ongoing`, `PrepareCommit`, `PrepareAbort`, `CompleteCommit`,
        /// `CompleteAbort`, ….
        public let state: String
    }

    /// What the coordinator knows about a transactional id.
    public struct TransactionDescription: Sendable, Equatable {
        /// The id.
        public let transactionalID: String
        /// Kafka's name of the state.
        public let state: String
        /// The id of its producer.
        public let producerID: Int64
        /// The producer's epoch.
        public let producerEpoch: Int16
        /// An open transaction is aborted after this time.
        public let timeout: Duration
        /// When the open transaction began; nil if none is open.
        public let startTime: Timestamp?
        /// The partitions that the open transaction has written to.
        public let partitions: Set<TopicPartition>
    }

    /// Returns the transactional ids, by name.
    /// - Parameters:
    ///   - states: only those in these states; empty for all.
    ///   - producers: only those of these producers; empty for all.
    ///   - openFor: only those whose transaction has been open for at least this long; needs Kafka 3.8 (KIP-994).
    /// - Throws: `ClientError`; `CancellationError`.
    public func listTransactions(
        states: [String] = [], producers: [Int64] = [], openFor: Duration? = nil
    ) async throws -> [TransactionListing] {
        let request = ListTransactionsRequest {
            $0.stateFilters = states
            $0.producerIDFilters = producers
            if let openFor { $0.durationFilter = openFor.milliseconds }
        }
        let answers = try await askBrokers { address in
            let response = try await self.call(request, to: address)
            guard response.errorCode == .none else {
                throw ClientError.refused(response.errorCode, "to list transactions")
            }
            return response.transactionStates
        }
        let listings = answers.joined().map { state in
            TransactionListing(
                transactionalID: state.transactionalID, producerID: state.producerID, state: state.transactionState)
        }
        return Dictionary(listings.map { ($0.transactionalID, $0) }) { $1 }.values.sorted {
            $0.transactionalID < $1.transactionalID
        }
    }

    /// Describes transactional ids.
    /// - Throws: `CancellationError`. For an unknown id the outcome is the refusal `transactionalIDNotFound`.
    public func describeTransactions(_ ids: [String]) async throws -> Outcomes<String, TransactionDescription> {
        try await Self.atOnce(Set(ids).map { ($0, ()) }) { id, _ in
            let request = DescribeTransactionsRequest { $0.transactionalIDs = [id] }
            let response = try await self.ask(transaction: id, request, "to describe the transaction '\(id)'") {
                $0.transactionStates.first?.errorCode ?? .unknownServerError
            }
            guard let state = response.transactionStates.first else { throw ClientError.closed }
            return TransactionDescription(state)
        }
    }

    /// Fences the producers of transactional ids: aborts their open transactions, and rejects their later requests.
    /// - Throws: `CancellationError`.
    @discardableResult
    public func fenceProducers(_ ids: [String]) async throws -> Outcomes<String, Void> {
        try await Self.atOnce(Set(ids).map { ($0, ()) }) { id, _ in
            let request = InitProducerIdRequest {
                $0.transactionalID = id
                // The shortest that the coordinator accepts, since the producer that this creates is never used.
                $0.transactionTimeoutMs = 1
            }
            _ = try await self.ask(transaction: id, request, "to fence the producer of '\(id)'", code: \.errorCode)
        }
    }

    private func ask<Request: WireRequest>(
        transaction id: String, _ request: Request, _ what: String, code: (Request.Response) -> ErrorCode
    ) async throws -> Request.Response {
        try await cluster.ask(
            request, coordinatorOf: .transaction(id), within: options.apiTimeout, pauses: pauses(), code: code
        ) { code in code == .none ? nil : .refused(code, what) }
    }
}

extension AdminClient.TransactionDescription {
    fileprivate init(_ state: DescribeTransactionsResponse.TransactionState) {
        self.init(
            transactionalID: state.transactionalID, state: state.transactionState, producerID: state.producerID,
            producerEpoch: state.producerEpoch, timeout: .milliseconds(Int64(state.transactionTimeoutMs)),
            startTime: state.transactionStartTimeMs >= 0 ? Timestamp(ms: state.transactionStartTimeMs) : nil,
            partitions: Set(
                state.topics.flatMap { topic in topic.partitions.map { TopicPartition(topic.topic, $0) } }))
    }
}
