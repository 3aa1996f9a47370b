internal import MoldauRecords
internal import MoldauWire

/// The key and the value of a record; nil is a null.
struct RecordBytes: @unchecked Sendable {  // Unchecked: they are read within the call that passes them.
    let key: UnsafeRawBufferPointer?
    let value: UnsafeRawBufferPointer?
}

/// What a producer does, as a pure state: records, responses and the time come in, requests and outcomes go out.
struct ProducerMachine {
    /// What the owner must do, in this order.
    enum Action {
        /// Send it; the response goes to `answered`.
        case produce(node: Int32, number: Int, ProduceRequest)
        /// Request the producer's id; the response goes to `gotProducer`.
        case initProducer
        /// Request the abort of the transaction; the response goes to `aborted`.
        case abort(ProducerStamp)
        /// Request to add these partitions to the transaction; the response goes to `addedPartitions`.
        case addPartitions([TopicPartition], ProducerStamp)
        /// Request metadata.
        case refresh
        /// A batch was split: its records continue in these parts.
        case split(BatchOutcome, [BatchOutcome.Part])
        /// Records have an outcome.
        case complete(BatchOutcome, Result<BatchOutcome.Place, ClientError>)
    }

    /// The result of appending a record.
    enum Appended {
        /// It was appended to a batch; `isDue`: the machine must be called sooner than it last said.
        case buffered(Acknowledgement, isDue: Bool)
        /// There is no room now.
        case full
        case refused(ClientError)
    }

    enum Identity {
        case none
        case unknown
        case asked
        case known(ProducerStamp)
        case failed(ClientError)
    }

    struct TopicLanes {
        var partitioner: Partitioner
        /// By partition number, including partitions that no longer exist.
        var lanes: [Int] = []
        /// The current number of partitions.
        var count: Int32 = 0
    }

    /// A pending request.
    struct Sent {
        let node: Int32
        let batches: [(lane: Int, batch: PendingBatch)]
    }

    let options: ProducerOptions
    let backoff: Backoff
    var identity: Identity
    /// The last id and epoch from the cluster.
    var lastStamp: ProducerStamp?
    var identityRetryAt: Duration?
    var identityBackoff: Backoff
    var topics: [TopicLanes] = []
    var lanes: [ProducerLane] = []
    /// The lanes that have a batch.
    var active: [Int] = []
    var sent: [Int: Sent] = [:]
    var inFlight: [Int32: Int] = [:]
    /// Brokers that have asked for a pause, and its end.
    var throttled: [Int32: Duration] = [:]
    var usedBytes = 0
    private var batchCount = 0
    private var requestCount = 0
    /// Batches opened before this are sent without lingering.
    private var flushOrder = 0
    private var isRoomWanted = false
    /// The size of the largest batch for which there was no room.
    private var wantedBytes = 0
    /// When the owner calls the machine next.
    private var dueTime: Duration?
    var isAdding = false
    var addingRetryAt: Duration?

    /// Why the transaction cannot be committed.
    var transactionError: ClientError?
    /// Whether requests of the transaction may still arrive after their retries were answered: the next transaction
    /// must not accept them.
    var hasStragglers = false
    /// Whether the cluster may have an open transaction of this producer: it was sent a request that begins one.
    var hasTransaction = false
    private let brokerTimeoutMs: Int32

    init(_ options: ProducerOptions, _ client: ClientOptions) {
        self.options = options
        let backoff = Backoff(first: client.retryBackoff, longest: client.retryBackoffMax)
        brokerTimeoutMs = Int32(clamping: client.requestTimeout.milliseconds)
        self.backoff = backoff
        identityBackoff = backoff
        identity = options.isIdempotent ? .unknown : .none
    }

    // MARK: Records

    /// - Returns: the topic's number.
    mutating func addTopic(_ partitioner: Partitioner) -> Int {
        topics.append(TopicLanes(partitioner: partitioner))
        return topics.count - 1
    }

    /// Sets the topic's number of partitions: if it is smaller than before, the topic was deleted and recreated.
    mutating func setPartitions(_ count: Int32, of topic: Int, named name: String) {
        // A count of 0 carries no information.
        if count > 0 { topics[topic].count = count }
        for number in Int32(topics[topic].lanes.count)..<max(count, Int32(topics[topic].lanes.count)) {
            topics[topic].lanes.append(lanes.count)
            lanes.append(ProducerLane(TopicPartition(name, number), backoff: backoff))
        }
    }

    /// Appends a record. Allocates nothing except a batch, when one is opened.
    mutating func append(
        to topic: Int, partition: Partition?, _ bytes: RecordBytes,
        timestamp: Timestamp, headers: Headers, now: @Sendable () -> Duration
    ) -> Appended {
        // A record takes at most 25 bytes besides its key, value and headers.
        var size = (bytes.key?.count ?? 0) + (bytes.value?.count ?? 0) + 32
        if !headers.isEmpty { size += headers.byteCount }
        guard size + BatchFormat.headerSize <= options.maxRequestSize else {
            return .refused(.recordTooLarge(bytes: size, limit: options.maxRequestSize))
        }
        let count = topics[topic].count
        guard count > 0 else { return .full }
        let chosen = partition ?? topics[topic].partitioner.partition(key: bytes.key, byteCount: size, count: count)
        guard chosen.number >= 0, chosen.number < count else {
            let name = lanes[topics[topic].lanes[0]].partition.topic
            return .refused(.unknownPartition(TopicPartition(name, chosen), partitionCount: count))
        }
        let place = topics[topic].lanes[Int(chosen.number)]
        var isDue = false
        if lanes[place].open.map({ $0.builder.byteCount + size > options.batchSize }) ?? true {
            switch beginBatch(place, bytes: max(options.batchSize, size + BatchFormat.headerSize), now()) {
            case .refused(let error): return .refused(error)
            case .full: return .full
            case .begun(let isNow): isDue = isNow
            }
        }
        guard let batch = lanes[place].open else { return .full }
        batch.builder.append(key: bytes.key, value: bytes.value, timestamp: timestamp, headers: headers)
        let acknowledgement = Acknowledgement(
            outcome: batch.outcome, index: batch.builder.recordCount - 1, timestamp: timestamp)
        return .buffered(acknowledgement, isDue: isDue)
    }

    /// Enqueues a whole batch, which is sent as soon as possible.
    /// - Returns: its outcome; nil if there is no room now.
    /// - Throws: `ClientError`.
    mutating func append(
        batch: UnsafeRawBufferPointer, to topic: Int, partition: Partition, now: Duration
    ) throws(ClientError) -> BatchOutcome? {
        let limit = options.largestBatch ?? options.maxRequestSize
        guard batch.count <= limit else { throw .recordTooLarge(bytes: batch.count, limit: limit) }
        let (places, count) = (topics[topic].lanes, topics[topic].count)
        guard partition.number >= 0, partition.number < count else {
            let name = places.first.map { lanes[$0].partition.topic } ?? ""
            throw .unknownPartition(TopicPartition(name, partition), partitionCount: count)
        }
        let place = places[Int(partition.number)]
        guard try hasRoom(for: batch.count) else { return nil }
        let pending: PendingBatch
        do throws(RecordBatchError) {
            pending = try PendingBatch(lanes[place].partition, order: batchCount, created: now, copying: batch)
        } catch {
            throw .invalidBatch(lanes[place].partition, reason: "\(error)")
        }
        begin(pending, place)
        lanes[place].closeOpen()
        return pending.outcome
    }

    private enum Beginning { case begun(isDue: Bool), full, refused(ClientError) }

    private mutating func beginBatch(_ place: Int, bytes: Int, _ now: Duration) -> Beginning {
        do throws(ClientError) {
            guard try hasRoom(for: bytes) else { return .full }
        } catch {
            return .refused(error)
        }
        // A full batch is sent at once, others after lingering.
        let isFull = lanes[place].open != nil
        begin(
            PendingBatch(
                lanes[place].partition, order: batchCount, created: now, bytes: bytes, options.compression.codec),
            place)
        let wanted = isFull ? now : now + options.linger
        guard dueTime.map({ wanted < $0 }) ?? true else { return .begun(isDue: false) }
        dueTime = wanted
        return .begun(isDue: true)
    }

    /// - Throws: `ClientError` if there can never be room.
    private mutating func hasRoom(for bytes: Int) throws(ClientError) -> Bool {
        if case .failed(let error) = identity { throw error }
        if let transactionError { throw transactionError }
        guard bytes <= options.bufferMemory else {
            throw .recordTooLarge(bytes: bytes, limit: options.bufferMemory)
        }
        if usedBytes + bytes <= options.bufferMemory { return true }
        isRoomWanted = true
        wantedBytes = max(wantedBytes, bytes)
        return false
    }

    /// Opens a batch.
    private mutating func begin(_ batch: PendingBatch, _ place: Int) {
        lanes[place].closeOpen()
        lanes[place].open = batch
        batchCount += 1
        usedBytes += batch.reservedBytes
        wantedBytes = 0
        guard !lanes[place].isActive else { return }
        lanes[place].isActive = true
        active.append(place)
    }

    /// Whether there is room for those that wait.
    var hasRoom: Bool { usedBytes + max(options.batchSize, wantedBytes) <= options.bufferMemory }

    /// Sends what is waiting now without lingering.
    /// - Returns: the outcomes of all batches that have none yet.
    mutating func flush() -> [BatchOutcome] {
        flushOrder = batchCount
        var outcomes = sent.sorted(on: \.key).flatMap { $0.value.batches.map(\.batch.outcome) }
        for place in active {
            outcomes += lanes[place].queue.map(\.outcome)
            if let open = lanes[place].open { outcomes.append(open.outcome) }
        }
        return outcomes
    }

    // MARK: Sending

    /// Stops sending.
    /// - Returns: the outcomes of all batches that have none yet.
    mutating func close() -> [BatchOutcome] {
        let outcomes = flush()
        for place in active { _ = lanes[place].takeAll() }
        sent = [:]
        return outcomes
    }

    /// The actions to take now, and when to call again, if nothing happens before.
    mutating func next(_ now: Duration, _ map: ClusterMap) -> (actions: [Action], due: Duration?) {
        var actions: [Action] = []
        dueTime = nil
        closeLingering(now)
        failGone(&actions)
        expire(now, &actions)
        active.removeAll { place in
            guard lanes[place].isEmpty else { return false }
            lanes[place].isActive = false
            return true
        }
        guard identify(now, &actions) else { return (actions, dueTime) }
        join(now, &actions)
        while send(now, map, &actions) {}
        return (actions, dueTime)
    }

    private mutating func note(due time: Duration) { dueTime = min(dueTime ?? time, time) }

    private mutating func closeLingering(_ now: Duration) {
        for place in active {
            guard let open = lanes[place].open else { continue }
            let end = open.created + options.linger
            if end <= now || isRoomWanted || open.order < flushOrder {
                lanes[place].closeOpen()
            } else {
                note(due: end)
            }
        }
        isRoomWanted = false
    }

    /// Fails the batches of partitions that no longer exist.
    private mutating func failGone(_ actions: inout [Action]) {
        for topic in topics where Int(topic.count) < topic.lanes.count {
            for place in topic.lanes[Int(topic.count)...] where lanes[place].isActive {
                let error = ClientError.unknownPartition(lanes[place].partition, partitionCount: topic.count)
                for batch in lanes[place].takeAll() { fail(batch, error, &actions) }
            }
        }
    }

    /// Fails a batch, and with it the transaction that it belongs to.
    mutating func fail(_ batch: PendingBatch, _ error: ClientError, _ actions: inout [Action]) {
        if options.transactionalID != nil, transactionError == nil {
            transactionError = .transactionFailed(reason: "\(error)")
        }
        complete(batch, .failure(options.transactionalID == nil ? error : error.inTransaction()), &actions)
    }

    private mutating func expire(_ now: Duration, _ actions: inout [Action]) {
        for place in active {
            for batch in lanes[place].takeExpired(before: now - options.deliveryTimeout) {
                let error = ClientError.deliveryTimedOut(
                    batch.partition, after: options.deliveryTimeout,
                    lastError: lanes[place].lastError?.description ?? "the partition's leader is not known")
                fail(batch, error, &actions)
            }
            if let oldest = lanes[place].queue.first { note(due: oldest.created + options.deliveryTimeout) }
        }
    }

    mutating func complete(
        _ batch: PendingBatch, _ result: Result<BatchOutcome.Place, ClientError>, _ actions: inout [Action]
    ) {
        usedBytes -= batch.reservedBytes
        actions.append(.complete(batch.outcome, result))
    }

    /// - Returns: whether batches may be sent.
    private mutating func identify(_ now: Duration, _ actions: inout [Action]) -> Bool {
        switch identity {
        case .none: return true
        case .known:
            guard let transactionError else { return true }
            // A pending request begins a transaction: it is aborted only after the response.
            if !isAdding { failAll(transactionError, &actions) }
            return false
        case .asked: return false
        case .unknown:
            if active.isEmpty && options.transactionalID == nil { return false }
            if let time = identityRetryAt, time > now {
                note(due: time)
            } else {
                identity = .asked
                // Requesting an epoch during its own open transaction would fence the producer.
                actions.append(lastStamp.flatMap { hasTransaction ? .abort($0) : nil } ?? .initProducer)
            }
            return false
        case .failed(let error):
            failAll(error, &actions)
            return false
        }
    }

    private mutating func failAll(_ error: ClientError, _ actions: inout [Action]) {
        for place in active {
            for batch in lanes[place].takeAll() { complete(batch, .failure(error), &actions) }
        }
    }

    /// Adds partitions with batches to the transaction.
    private mutating func join(_ now: Duration, _ actions: inout [Action]) {
        guard case .known(let stamp) = identity, stamp.isTransactional, !isAdding else { return }
        if let time = addingRetryAt, time > now { return note(due: time) }
        let missing = active.filter { !lanes[$0].isInTransaction && !lanes[$0].queue.isEmpty }
        guard !missing.isEmpty else { return }
        isAdding = true
        hasTransaction = true
        actions.append(.addPartitions(missing.map { lanes[$0].partition }, stamp))
    }

    /// Sends at most one batch of each partition.
    /// - Returns: whether anything was sent.
    private mutating func send(_ now: Duration, _ map: ClusterMap, _ actions: inout [Action]) -> Bool {
        var requests: [(node: Int32, bytes: Int, places: [Int])] = []
        for place in active {
            guard let time = lanes[place].readyTime(now, limit: options.maxInFlight), let batch = lanes[place].next
            else { continue }
            if time > now {
                note(due: time)
                continue
            }
            if case .known(let stamp) = identity, stamp.isTransactional, !lanes[place].isInTransaction { continue }
            guard let node = map.leader(of: batch.partition)?.node else {
                actions.append(.refresh)
                continue
            }
            guard inFlight[node, default: 0] < options.maxInFlight else { continue }
            if let time = throttled[node], time > now {
                note(due: time)
                continue
            }
            let size = batch.builder.byteCount
            if let index = requests.firstIndex(where: { $0.node == node && $0.bytes + size <= options.maxRequestSize })
            {
                requests[index].bytes += size
                requests[index].places.append(place)
            } else if !requests.contains(where: { $0.node == node }) {
                requests.append((node, size, [place]))
            }
        }
        for request in requests { send(request.places, to: request.node, &actions) }
        return !requests.isEmpty
    }

    private mutating func send(_ places: [Int], to node: Int32, _ actions: inout [Action]) {
        var stamp: ProducerStamp?
        if case .known(let known) = identity { stamp = known }
        var batches: [(lane: Int, batch: PendingBatch)] = []
        for place in places {
            if let batch = lanes[place].takeNext(stamp) { batches.append((place, batch)) }
        }
        requestCount += 1
        sent[requestCount] = Sent(node: node, batches: batches)
        inFlight[node, default: 0] += 1
        actions.append(.produce(node: node, number: requestCount, request(batches)))
    }

    private func request(_ batches: [(lane: Int, batch: PendingBatch)]) -> ProduceRequest {
        var topics: [ProduceRequest.TopicData] = []
        for (_, batch) in batches {
            let data = ProduceRequest.PartitionData {
                $0.index = batch.partition.partition.number
                $0.records = .bytes(batch.bytes())
            }
            if let index = topics.firstIndex(where: { $0.name == batch.partition.topic }) {
                topics[index].partitionData.append(data)
            } else {
                topics.append(
                    .init {
                        $0.name = batch.partition.topic
                        $0.partitionData = [data]
                    })
            }
        }
        return ProduceRequest {
            $0.transactionalID = options.transactionalID
            $0.acks = options.acks.rawValue
            $0.timeoutMs = brokerTimeoutMs
            $0.topicData = topics
        }
    }
}
