@testable import MoldauBroker
import MoldauLog
import MoldauRecords
import MoldauWire

/// The state before a conversation began, as far as its answers show it: topics, their records, groups' offsets.
struct FlowSetup {
    private struct Topic {
        var partitionCount: Int32 = 0
        var isMade = false
        /// The size of the smallest batch that was too large.
        var refusedBytes: Int?
    }

    private struct Partition {
        /// Batches from answers to fetches, by their first offset.
        var batches: [Int64: [UInt8]] = [:]
        var start: Int64 = 0
        /// The end offset, as reported before anything was appended.
        var end: Int64 = 0
        var isAppendedTo = false
        /// Whether records were deleted from its front.
        var isCut = false
        /// Timestamps of records, by their offsets.
        var times: [Int64: Int64] = [:]
    }

    private var topics: [String: Topic] = [:]
    private var topicNames: [TopicID: String] = [:]
    private var partitions: [TopicPartition: Partition] = [:]
    private var positions: [String: [TopicPartition: GroupOffset]] = [:]
    private var committed: Set<String> = []
    /// Names that were requested while the topic did not exist.
    private var missing: Set<String> = []
    /// Whether the broker created a topic automatically.
    private(set) var createsTopics = false
    private var pending: [[Int32]: any WireRequest] = [:]

    init(_ flow: Flow) throws {
        for frame in flow.frames {
            guard let api = ApiKey(rawValue: frame.api), api.versions.contains(frame.version) else { continue }
            let body = WireBytes(copying: frame.body)
            let key = [Int32(frame.connection), frame.correlation]
            if frame.direction == .request, let request = try? Self.decode(api.request, body, frame.version) {
                pending[key] = request
                note(request)
            } else if frame.direction == .response, let response = try? Self.decode(api.response, body, frame.version) {
                note(response, to: pending.removeValue(forKey: key))
            }
        }
    }

    static func decode<Message: WireMessage>(
        _: Message.Type, _ body: WireBytes, _ version: Int16
    ) throws -> Message { try Message(decoding: body, version: version) }

    // MARK: Reading the recording

    private mutating func note(_ request: any WireRequest) {
        switch request {
        case let create as CreateTopicsRequest:
            for topic in create.topics { topics[topic.name, default: Topic()].isMade = true }
        case let commit as OffsetCommitRequest: committed.insert(commit.groupID)
        case let commit as TxnOffsetCommitRequest: committed.insert(commit.groupID)
        case let create as CreatePartitionsRequest:
            for topic in create.topics where !isKnown(topic.name) {
                topics[topic.name] = Topic(partitionCount: max(1, topic.count - 1))
            }
        default: break
        }
    }

    private func isKnown(_ topic: String) -> Bool {
        topics[topic].map { $0.isMade || $0.partitionCount > 0 } ?? false || missing.contains(topic)
    }

    /// Notes that a partition existed.
    private mutating func seen(_ name: TopicPartition) {
        guard !name.topic.isEmpty, !name.topic.hasPrefix("__"), !missing.contains(name.topic) else { return }
        if topics[name.topic]?.isMade == true { return }
        let count = max(topics[name.topic]?.partitionCount ?? 0, name.partition.number + 1)
        topics[name.topic, default: Topic()].partitionCount = count
    }

    private mutating func note(_ response: any WireMessage, to request: (any WireRequest)?) {
        switch response {
        case let metadata as MetadataResponse:
            for topic in metadata.topics {
                found(topic.name ?? "", topic.topicID, topic.partitions.count, topic.errorCode, topic.isInternal)
            }
        case let described as DescribeTopicPartitionsResponse:
            for topic in described.topics {
                found(topic.name ?? "", topic.topicID, topic.partitions.count, topic.errorCode, topic.isInternal)
            }
        case let produced as ProduceResponse:
            for topic in produced.responses {
                for partition in topic.partitionResponses {
                    if partition.errorCode == .none {
                        seen(TopicPartition(topic.name, partition.index))
                        appended(TopicPartition(topic.name, partition.index), at: partition.baseOffset.value)
                    } else if partition.errorCode == .messageTooLarge {
                        note(tooLargeFor: topic.name, in: request as? ProduceRequest)
                    }
                }
            }
        case let fetched as FetchResponse:
            for topic in fetched.responses {
                let name = topic.topic.isEmpty ? topicNames[topic.topicID] ?? "" : topic.topic
                for partition in topic.partitions { note(partition, of: name) }
            }
        case let described as DescribeConfigsResponse:
            for result in described.results where result.resourceType == 2 && result.errorCode == .none {
                if !isKnown(result.resourceName) { seen(TopicPartition(result.resourceName, 0)) }
            }
        case let altered as IncrementalAlterConfigsResponse:
            for result in altered.responses
            where result.resourceType == 2 && result.errorCode != .unknownTopicOrPartition {
                if !isKnown(result.resourceName) { seen(TopicPartition(result.resourceName, 0)) }
            }
        case let deleted as DeleteRecordsResponse:
            for topic in deleted.topics {
                for partition in topic.partitions where partition.errorCode == .none {
                    let name = TopicPartition(topic.name, partition.partitionIndex)
                    seen(name)
                    var known = partitions[name, default: Partition()]
                    known.isCut = true
                    if !known.isAppendedTo { known.end = max(known.end, partition.lowWatermark.value) }
                    partitions[name] = known
                }
            }
        case let listed as ListOffsetsResponse: note(listed, to: request as? ListOffsetsRequest)
        case let offsets as OffsetFetchResponse: note(offsets, to: request as? OffsetFetchRequest)
        default: break
        }
    }

    private mutating func found(
        _ name: String, _ id: TopicID, _ count: Int, _ error: ErrorCode, _ isInternal: Bool
    ) {
        if id != .zero { topicNames[id] = name }
        if error == .unknownTopicOrPartition, !name.isEmpty {
            missing.insert(name)
        } else if error == .none, count > 0, !isInternal, topics[name]?.isMade != true {
            if missing.contains(name) {
                createsTopics = true
            } else if topics[name]?.partitionCount ?? 0 == 0 {
                topics[name] = Topic(partitionCount: Int32(count))
            }
        }
    }

    private mutating func note(tooLargeFor topic: String, in request: ProduceRequest?) {
        for sent in request?.topicData ?? [] where sent.name == topic {
            for partition in sent.partitionData {
                let least = min(topics[topic]?.refusedBytes ?? .max, partition.records.byteCount)
                topics[topic]?.refusedBytes = least
            }
        }
    }

    private mutating func appended(_ name: TopicPartition, at offset: Int64) {
        if partitions[name]?.isAppendedTo == true { return }
        partitions[name, default: Partition()].isAppendedTo = true
        partitions[name, default: Partition()].end = offset
    }

    private mutating func note(_ partition: FetchResponse.Partition, of topic: String) {
        guard partition.errorCode == .none else { return }
        let name = TopicPartition(topic, partition.partitionIndex)
        var known = partitions[name, default: Partition()]
        if case .bytes(let records) = partition.records {
            let bytes = Array(records.bytes)
            for batch in FlowBatch.all(in: bytes) { known.batches[batch.baseOffset] = Array(bytes[batch.range]) }
        }
        if !known.isAppendedTo { known.end = max(known.end, partition.highWatermark.value) }
        partitions[name] = known
    }

    private mutating func note(_ listed: ListOffsetsResponse, to request: ListOffsetsRequest?) {
        var times: [TopicPartition: Int64] = [:]
        for topic in request?.topics ?? [] {
            for partition in topic.partitions {
                times[TopicPartition(topic.name, partition.partitionIndex)] = partition.timestamp
            }
        }
        for topic in listed.topics {
            for partition in topic.partitions where partition.errorCode == .none {
                let name = TopicPartition(topic.name, partition.partitionIndex)
                seen(name)
                var known = partitions[name, default: Partition()]
                let offset = partition.offset.value
                if partition.timestamp >= 0 { known.times[offset] = partition.timestamp }
                if times[name] == -2, !known.isAppendedTo, !known.isCut { known.start = offset }
                if !known.isAppendedTo { known.end = max(known.end, partition.timestamp >= 0 ? offset + 1 : offset) }
                partitions[name] = known
            }
        }
    }

    private mutating func note(_ response: OffsetFetchResponse, to request: OffsetFetchRequest?) {
        let groups =
            response.groups.isEmpty
            ? [OffsetFetchResponse.Group { ($0.groupID, $0.topics) = (request?.groupID ?? "", response.topics) }]
            : response.groups
        for group in groups where !committed.contains(group.groupID) {
            for topic in group.topics {
                for partition in topic.partitions where partition.committedOffset.value >= 0 {
                    positions[group.groupID, default: [:]][TopicPartition(topic.name, partition.partitionIndex)] =
                        GroupOffset(
                            offset: partition.committedOffset, leaderEpoch: partition.committedLeaderEpoch,
                            metadata: partition.metadata ?? "", time: Timestamp(ms: 1_000_000_000_000))
                }
            }
        }
    }

    // MARK: Restoring the state

    /// Creates the topics, records and offsets.
    func make<Files: FileSystem>(in broker: Broker<Files>) throws {
        for (name, topic) in topics.sorted(by: { $0.key < $1.key }) where !topic.isMade && topic.partitionCount > 0 {
            let settings = topic.refusedBytes.map { ["max.message.bytes": "\(min($0 - 1, 1_048_588))"] } ?? [:]
            try broker.create([
                TopicMetadata(name: name, partitionCount: topic.partitionCount, configuration: settings)
            ])
            for number in 0..<topic.partitionCount {
                let known = TopicPartition(name, number)
                guard let contents = partitions[known], contents.end > 0 else { continue }
                try fill(try broker.partition(known), contents)
            }
        }
        for (group, offsets) in positions.sorted(by: { $0.key < $1.key }) {
            try broker.commit(offsets.filter { broker.topic($0.key.topic) != nil }, of: group)
        }
    }

    private func fill<Files: FileSystem>(_ partition: BrokerPartition<Files>, _ contents: Partition) throws {
        var next: Int64 = 0
        let earliest = contents.times.values.min() ?? 1_000_000_000_000
        func fill(upTo end: Int64) throws {
            while next < end {
                var builder = RecordBatchBuilder(capacity: 64)
                for offset in next..<min(end, next + 1_000) {
                    let time = contents.times[offset] ?? earliest - 1_000
                    [UInt8(ascii: "k")].withUnsafeBytes {
                        builder.append(key: $0, value: $0, timestamp: Timestamp(ms: time))
                    }
                }
                try partition.appendOwn(builder.finish())
                next = min(end, next + 1_000)
            }
        }
        for (base, batch) in contents.batches.sorted(by: { $0.key < $1.key }) where base < contents.end && base >= next
        {
            try fill(upTo: base)
            guard let found = FlowBatch.all(in: batch).first else { continue }
            if found.isControl {
                try partition.write(TransactionMarker(isCommit: true), of: ProducerIdentity(id: 1 << 40, epoch: 0))
            } else {
                var bytes = batch
                found.clearProducer(in: &bytes)
                _ = try bytes.withUnsafeBytes { try partition.appendOwn($0) }
            }
            next = found.lastOffset + 1
        }
        try fill(upTo: contents.end)
        if contents.start > 0 { try partition.deleteRecords(before: Offset(contents.start)) }
    }
}
