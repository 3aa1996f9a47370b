import MoldauBroker
import MoldauLog
import MoldauRecords
import MoldauWire

/// What was there before a conversation began, as far as its answers tell: topics, their records, groups' positions.
struct FlowSetup {
    private struct Topic {
        var partitionCount: Int32 = 0
        var isMade = false
    }

    private struct Partition {
        /// Batches that answers to fetches brought, by their first offset.
        var batches: [Int64: [UInt8]] = [:]
        var start: Int64 = 0
        /// The end, as told before anything was appended.
        var end: Int64 = 0
        var isAppendedTo = false
    }

    private var topics: [String: Topic] = [:]
    private var topicNames: [TopicID: String] = [:]
    private var partitions: [TopicPartition: Partition] = [:]
    private var positions: [String: [TopicPartition: GroupOffset]] = [:]
    private var committed: Set<String> = []
    /// Names that were asked for while there was no such topic.
    private var missing: Set<String> = []
    /// Whether the broker created a topic because it was asked for.
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

    // MARK: Finding out

    private mutating func note(_ request: any WireRequest) {
        switch request {
        case let create as CreateTopicsRequest:
            for topic in create.topics { topics[topic.name, default: Topic()].isMade = true }
        case let commit as OffsetCommitRequest: committed.insert(commit.groupID)
        case let commit as TxnOffsetCommitRequest: committed.insert(commit.groupID)
        default: break
        }
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
                for partition in topic.partitionResponses where partition.errorCode == .none {
                    appended(TopicPartition(topic.name, partition.index), at: partition.baseOffset.value)
                }
            }
        case let fetched as FetchResponse:
            for topic in fetched.responses {
                let name = topic.topic.isEmpty ? topicNames[topic.topicID] ?? "" : topic.topic
                for partition in topic.partitions { note(partition, of: name) }
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
        } else if error == .none, count > 0, !isInternal, topics[name]?.isMade != true, topics[name]?.partitionCount ?? 0 == 0 {
            if missing.contains(name) { createsTopics = true } else { topics[name] = Topic(partitionCount: Int32(count)) }
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
                if times[name] == -2, partitions[name]?.isAppendedTo != true {
                    partitions[name, default: Partition()].start = partition.offset.value
                }
                if partitions[name]?.isAppendedTo != true {
                    let end = partitions[name, default: Partition()].end
                    partitions[name]?.end = max(end, partition.offset.value)
                }
            }
        }
    }

    private mutating func note(_ response: OffsetFetchResponse, to request: OffsetFetchRequest?) {
        let groups = response.groups.isEmpty
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

    // MARK: Making it

    /// Makes what was there.
    func make<Files: FileSystem>(in broker: Broker<Files>) throws {
        for (name, topic) in topics.sorted(by: { $0.key < $1.key }) where !topic.isMade && topic.partitionCount > 0 {
            try broker.create([TopicMetadata(name: name, partitionCount: topic.partitionCount)])
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
        func fill(upTo end: Int64) throws {
            while next < end {
                var builder = RecordBatchBuilder(capacity: 64)
                let count = min(end - next, 1_000)
                for _ in 0..<count {
                    [UInt8("k".utf8.first ?? 0)].withUnsafeBytes {
                        builder.append(key: $0, value: $0, timestamp: Timestamp(ms: 1_000_000_000_000))
                    }
                }
                try partition.appendOwn(builder.finish())
                next += count
            }
        }
        for (base, batch) in contents.batches.sorted(by: { $0.key < $1.key }) where base < contents.end && base >= next {
            try fill(upTo: base)
            guard var found = FlowBatch.all(in: batch).first, !found.isControl else { continue }
            var bytes = batch
            found.clearProducer(in: &bytes)
            _ = try bytes.withUnsafeBytes { try partition.appendOwn($0) }
            found = FlowBatch.all(in: bytes)[0]
            next = found.lastOffset + 1
        }
        try fill(upTo: contents.end)
        if contents.start > 0 { try partition.deleteRecords(before: Offset(contents.start)) }
    }
}
