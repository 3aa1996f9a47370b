internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// One fetch: reads partitions, waits if there are too few bytes, and answers.
struct PartitionsFetch<Files: FileSystem>: Sendable {
    fileprivate struct Found: Sendable {
        var partition: FetchedPartition
        var response: FetchResponse.Partition
        var records: FetchedRecords?
    }

    private let request: FetchRequest
    private let context: FetchContext
    private let service: RequestService<Files>
    private let call: Call<FetchResponse>

    /// Batches of at least this size are sent from their file, unless the connection is encrypted.
    private static var minFileBytes: Int { 16 << 10 }
    /// The most bytes that are read into memory for one answer.
    private static var maxMemoryBytes: Int { 4 << 20 }
    /// The longest time that a client can make the broker wait.
    private static var longestWait: Duration { .seconds(300) }

    init(
        _ request: FetchRequest, _ context: FetchContext, _ service: RequestService<Files>, _ call: Call<FetchResponse>
    ) {
        self.request = request
        self.context = context
        self.service = service
        self.call = call
    }

    private var isolation: Isolation { request.isolationLevel == 1 ? .committed : .uncommitted }

    /// Reads, and answers now or after a wait.
    func begin() {
        let found = read()
        let byteCount = found.reduce(0) { $0 + ($1.records?.byteCount ?? 0) }
        let isEnough =
            byteCount >= Int(request.minBytes) || request.maxWaitMs <= 0 || found.isEmpty
            || found.contains { $0.response.errorCode != .none }
        if isEnough { return answer(found) }
        var wants: [FetchWait<Files>.Want] = []
        for partition in found.map(\.partition) {
            guard let read = try? service.broker.partition(partition.name) else { continue }
            wants.append(FetchWait.Want(read, from: partition.offset, isolation: isolation))
        }
        let wait = service.broker.awaitRecords(
            wants, minBytes: Int(request.minBytes), for: min(.milliseconds(request.maxWaitMs), Self.longestWait)
        ) { _ in
            service.onWorker { answer(read()) }
        }
        call.connection.setCancel { wait.cancel() }
    }

    // MARK: Reading

    private func read() -> [Found] {
        var left = min(max(Int(request.maxBytes), 0), service.options.maxFetchBytes)
        var memoryLeft = Self.maxMemoryBytes
        var found: [Found] = []
        var isFirst = true
        // Checked each time: rules may have changed since the fetch began to wait, or since its session started.
        let access = service.access(of: call.connection)
        for partition in context.partitions {
            var one = Found(
                partition: partition, response: .init { $0.partitionIndex = partition.name.partition.number })
            do throws(BrokerError) {
                let code = try read(partition, access, left: isFirst ? max(left, 1) : left, &memoryLeft, into: &one)
                if code != .none { one.response.refuse(code) }
            } catch {
                one.response.refuse(ErrorCode(error))
            }
            let count = one.records?.byteCount ?? 0
            left -= count
            if count > 0 { isFirst = false }
            found.append(one)
        }
        return found
    }

    private func read(
        _ wanted: FetchedPartition, _ access: Access, left: Int, _ memoryLeft: inout Int, into found: inout Found
    ) throws(BrokerError) -> ErrorCode {
        if wanted.topicID != .zero, wanted.name.topic.isEmpty { return .unknownTopicID }
        if !access.isUnrestricted, !access.allows(.read, .topic(wanted.name.topic)) { return .topicAuthorizationFailed }
        let partition = try service.broker.partition(wanted.name)
        if wanted.leaderEpoch > 0 { return .unknownLeaderEpoch }
        let maxBytes = min(wanted.maxBytes, left)
        let isInMemory = call.connection.localAddress.security.isEncrypted || service.options.cutsLastBatch
        let read = try partition.fetch(
            from: wanted.offset, maxBytes: maxBytes <= 0 || memoryLeft <= 0 ? 0 : maxBytes, isolation: isolation,
            minFileBytes: isInMemory ? .max : Self.minFileBytes)
        found.response.highWatermark = read.watermarks.highWatermark
        found.response.lastStableOffset = read.watermarks.lastStableOffset
        found.response.logStartOffset = read.watermarks.start
        found.response.abortedTransactions = isolation == .committed ? read.aborted.map(Self.aborted) : nil
        // Once the limit is used up, no further partition returns records.
        guard left > 0 else { return .none }
        if let file = read.file {
            found.records = .file(file)
        } else if read.bytes.count > 0 {
            found.records = .bytes(service.options.cutsLastBatch ? read.bytes.withoutHalfABatch : read.bytes)
            memoryLeft -= read.bytes.count
        }
        return .none
    }

    private static func aborted(_ transaction: AbortedTransaction) -> FetchResponse.AbortedTransaction {
        .init {
            $0.producerID = transaction.producer
            $0.firstOffset = transaction.first
        }
    }

    // MARK: Answering

    private func answer(_ found: [Found]) {
        let told = context.isIncremental ? found.filter(\.isNew) : found
        if let session = context.session {
            session.state.withLock { state in
                state.tell(
                    Dictionary(told.map { ($0.partition.key, $0.told) }) { $1 },
                    withRecords: Set(told.filter { $0.records != nil }.map(\.partition.key)))
            }
        }
        var response = FetchResponse()
        response.sessionID = context.session?.id ?? 0
        for one in told {
            if response.responses.last.map({
                $0.topic != one.partition.name.topic || $0.topicID != one.partition.topicID
            })
                ?? true
            {
                response.responses.append(
                    .init {
                        $0.topic = one.partition.name.topic
                        $0.topicID = one.partition.topicID
                    })
            }
            var partition = one.response
            partition.records = .elsewhere(byteCount: one.records?.byteCount ?? 0)
            response.responses[response.responses.count - 1].partitions.append(partition)
        }
        call.answer(response, records: told.map { $0.records ?? .bytes(SharedBytes(copying: [])) })
    }
}

extension SharedBytes {
    /// These batches without the second half of the last one; all bytes if there is only one batch.
    fileprivate var withoutHalfABatch: SharedBytes {
        var (position, last) = (0, 0)
        while let header = try? RecordBatchHeader(UnsafeRawBufferPointer(rebasing: bytes[position...])) {
            (position, last) = (position + header.byteCount, position)
        }
        return last == 0 ? self : SharedBytes(copying: UnsafeRawBufferPointer(rebasing: bytes[..<((last + count) / 2)]))
    }
}

extension PartitionsFetch.Found {
    fileprivate var told: FetchedPartition.Told {
        .init(highWatermark: response.highWatermark, logStartOffset: response.logStartOffset)
    }

    /// Whether it differs from what was last returned to the client.
    fileprivate var isNew: Bool { records != nil || response.errorCode != .none || partition.told != told }
}

extension FetchResponse.Partition {
    fileprivate mutating func refuse(_ code: ErrorCode) {
        errorCode = code
        highWatermark = Offset(-1)
        (lastStableOffset, logStartOffset) = (Offset(-1), Offset(-1))
        abortedTransactions = nil
    }
}
