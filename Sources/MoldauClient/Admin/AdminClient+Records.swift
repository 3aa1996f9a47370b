internal import MoldauWire

extension AdminClient {
    /// Which offset to look up.
    public enum OffsetSpec: Hashable, Sendable {
        /// The first offset that the partition holds.
        case earliest
        /// The offset after the last record.
        case latest
        /// The offset of the record with the latest timestamp. Needs brokers from Kafka 3.0 on.
        case maxTimestamp
        /// The offset of the first record with this timestamp or a later one.
        case timestamp(Timestamp)
    }

    /// The result of an offset lookup.
    public struct ListedOffset: Sendable, Equatable {
        /// The offset; nil if no record has that timestamp or a later one.
        public let offset: Offset?
        /// The timestamp of that record, if the lookup was by timestamp or for `maxTimestamp`.
        public let timestamp: Timestamp?
        /// The epoch of the leader that wrote it; nil if unknown.
        public let leaderEpoch: Int32?
    }

    /// The state of a producer in a partition.
    public struct ProducerState: Sendable, Equatable {
        /// The producer's id.
        public let producerID: Int64
        /// The producer's epoch.
        public let producerEpoch: Int32
        /// The sequence number of its last record in the partition; −1 if unknown.
        public let lastSequence: Int32
        /// The timestamp of its last record.
        public let lastTimestamp: Timestamp
        /// The epoch of its transaction coordinator; nil if it has none.
        public let coordinatorEpoch: Int32?
        /// The first offset of its open transaction; nil if none is open.
        public let transactionStart: Offset?
    }

    /// A hanging transaction of a partition: its coordinator no longer knows it.
    public struct HangingTransaction: Sendable, Equatable {
        /// The partition in which it is open.
        public var partition: TopicPartition
        /// The producer's id.
        public var producerID: Int64
        /// The producer's epoch.
        public var producerEpoch: Int16
        /// The coordinator's epoch.
        public var coordinatorEpoch: Int32

        /// A hanging transaction, as found by `describeProducers`.
        public init(_ partition: TopicPartition, producerID: Int64, producerEpoch: Int16, coordinatorEpoch: Int32) {
            (self.partition, self.producerID) = (partition, producerID)
            (self.producerEpoch, self.coordinatorEpoch) = (producerEpoch, coordinatorEpoch)
        }
    }

    /// Looks up offsets of partitions.
    /// - Parameters:
    ///   - wanted: which offset to look up for each partition.
    ///   - isolation: with `readCommitted`, `latest` is before the first open transaction.
    /// - Throws: `CancellationError`.
    public func listOffsets(
        _ wanted: [TopicPartition: OffsetSpec], isolation: ConsumerOptions.Isolation = .readUncommitted
    ) async throws -> Outcomes<TopicPartition, ListedOffset> {
        try await askLeaders(of: wanted.keys) { address, partitions in
            let request = ListOffsetsRequest {
                $0.replicaID = -1
                $0.isolationLevel = isolation.rawValue
                $0.topics = partitions.byTopic.map { topic, numbers in
                    .init {
                        $0.name = topic
                        $0.partitions = numbers.map { number in
                            .init {
                                $0.partitionIndex = number
                                $0.timestamp = wanted[TopicPartition(topic, number)]?.wire ?? -1
                            }
                        }
                    }
                }
            }
            let response = try await self.call(request, to: address)
            var outcomes: Outcomes<TopicPartition, ListedOffset> = [:]
            for topic in response.topics {
                for found in topic.partitions {
                    let partition = TopicPartition(topic.name, found.partitionIndex)
                    outcomes[partition] = found.outcome(of: partition)
                }
            }
            return outcomes
        }
    }

    /// Looks up the same kind of offset for all partitions of topics, or for partitions.
    /// - Throws: `CancellationError`.
    public func listOffsets(
        of partitions: some Sequence<TopicPartition>, _ spec: OffsetSpec,
        isolation: ConsumerOptions.Isolation = .readUncommitted
    ) async throws -> Outcomes<TopicPartition, ListedOffset> {
        try await listOffsets(Dictionary(partitions.map { ($0, spec) }) { $1 }, isolation: isolation)
    }

    /// Deletes the records before these offsets.
    /// - Parameter offsets: by partition; a nil offset deletes all records.
    /// - Returns: the first remaining offset of each partition.
    /// - Throws: `CancellationError`.
    @discardableResult
    public func deleteRecords(before offsets: [TopicPartition: Offset?]) async throws -> Outcomes<
        TopicPartition, Offset
    > {
        try await askLeaders(of: offsets.keys) { address, partitions in
            let request = DeleteRecordsRequest {
                $0.topics = partitions.byTopic.map { topic, numbers in
                    .init {
                        $0.name = topic
                        $0.partitions = numbers.map { number in
                            let offset = offsets[TopicPartition(topic, number)] ?? nil
                            return .init { ($0.partitionIndex, $0.offset) = (number, offset ?? Offset(-1)) }
                        }
                    }
                }
                $0.timeoutMs = self.timeoutMs
            }
            let response = try await self.call(request, to: address)
            var outcomes: Outcomes<TopicPartition, Offset> = [:]
            for topic in response.topics {
                for found in topic.partitions {
                    let partition = TopicPartition(topic.name, found.partitionIndex)
                    let error = ClientError.of(found.errorCode, topic: topic.name, "to delete records of \(partition)")
                    outcomes[partition] = error.map { .failure($0) } ?? .success(found.lowWatermark)
                }
            }
            return outcomes
        }
    }

    /// Returns the producers that have written to partitions, and their open transactions.
    /// - Throws: `CancellationError`.
    public func describeProducers(
        of partitions: some Sequence<TopicPartition>
    ) async throws -> Outcomes<TopicPartition, [ProducerState]> {
        try await askLeaders(of: partitions) { address, partitions in
            let request = DescribeProducersRequest {
                $0.topics = partitions.byTopic.map { topic, numbers in
                    .init { ($0.name, $0.partitionIndexes) = (topic, numbers) }
                }
            }
            let response = try await self.call(request, to: address)
            var outcomes: Outcomes<TopicPartition, [ProducerState]> = [:]
            for topic in response.topics {
                for found in topic.partitions {
                    let partition = TopicPartition(topic.name, found.partitionIndex)
                    let error = ClientError.of(
                        found.errorCode, topic: topic.name, "to describe the producers of \(partition)",
                        message: found.errorMessage)
                    outcomes[partition] =
                        error.map { .failure($0) } ?? .success(found.activeProducers.map(ProducerState.init))
                }
            }
            return outcomes
        }
    }

    /// Aborts a hanging transaction. One that its coordinator knows is aborted by `fenceProducers`.
    /// - Throws: `ClientError`; `CancellationError`.
    public func abortTransaction(_ hanging: HangingTransaction) async throws {
        let outcomes = try await askLeaders(of: CollectionOfOne(hanging.partition)) { address, partitions in
            let request = WriteTxnMarkersRequest {
                $0.markers = [
                    .init {
                        $0.producerID = hanging.producerID
                        $0.producerEpoch = hanging.producerEpoch
                        $0.coordinatorEpoch = hanging.coordinatorEpoch
                        $0.topics = partitions.byTopic.map { topic, numbers in
                            .init { ($0.name, $0.partitionIndexes) = (topic, numbers) }
                        }
                    }
                ]
            }
            let response = try await self.call(request, to: address)
            let code = response.markers.first?.topics.first?.partitions.first?.errorCode ?? .unknownServerError
            let what = "to abort the transaction of producer \(hanging.producerID) in \(hanging.partition)"
            let outcome = Result.of(.of(code, topic: hanging.partition.topic, what))
            return [hanging.partition: outcome]
        }
        try outcomes[hanging.partition]?.get()
    }
}

extension AdminClient.OffsetSpec {
    fileprivate var wire: Int64 {
        switch self {
        case .latest: -1
        case .earliest: -2
        case .maxTimestamp: -3
        // Negative timestamps have other meanings in the protocol: before 1970 means before the first record.
        case .timestamp(let time): max(time.ms, 0)
        }
    }
}

extension ListOffsetsResponse.Partition {
    fileprivate func outcome(of partition: TopicPartition) -> Result<AdminClient.ListedOffset, ClientError> {
        if let error = ClientError.of(errorCode, topic: partition.topic, "to return offsets of \(partition)") {
            return .failure(error)
        }
        let found = offset >= .zero ? offset : oldStyleOffsets.first
        return .success(
            AdminClient.ListedOffset(
                offset: found, timestamp: timestamp >= 0 ? Timestamp(ms: timestamp) : nil,
                leaderEpoch: leaderEpoch >= 0 ? leaderEpoch : nil))
    }
}

extension AdminClient.ProducerState {
    fileprivate init(_ wire: DescribeProducersResponse.ProducerState) {
        self.init(
            producerID: wire.producerID, producerEpoch: wire.producerEpoch, lastSequence: wire.lastSequence,
            lastTimestamp: Timestamp(ms: wire.lastTimestamp),
            coordinatorEpoch: wire.coordinatorEpoch >= 0 ? wire.coordinatorEpoch : nil,
            transactionStart: wire.currentTxnStartOffset >= .zero ? wire.currentTxnStartOffset : nil)
    }
}
