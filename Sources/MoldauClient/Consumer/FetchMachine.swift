// One partition:
//
//              assign            seek, or a committed offset          fetched
//     (none) ─────────▶ nowhere ────────────────────────────▶ at an offset ──────▶ further
//                          │   asks for the first or last offset ▲      │
//                          └──────────────── reset ──────────────┘◀─────┘ out of range, or truncated
//
// A new leader may lack records that the previous one had: before fetching from it, the machine asks it for the end of
// the epoch of the last records in its log (KIP-320).
//
// Fetched chunks wait until they are taken. A response to a request from before a seek is discarded.

internal import MoldauRecords
internal import MoldauWire

/// Record batches of one partition, as the broker has them.
struct FetchedChunk: Sendable {
    let partition: TopicPartition
    let bytes: WireBytes
    /// Records before this offset were not requested; the first batch may contain some.
    let from: Offset
    /// Where the next chunk begins.
    let next: Offset
    /// The version of the place that it was fetched for: see `FetchMachine.Place.version`.
    let version: Int
    /// A reader that has already advanced to `from`.
    private var begun: BegunReader?

    init(partition: TopicPartition, bytes: WireBytes, from: Offset, next: Offset, version: Int) {
        (self.partition, self.bytes, self.from, self.next, self.version) = (partition, bytes, from, next, version)
    }

    /// A reader of the records, valid while this chunk lives.
    var reader: RecordBatchReader { begun?.reader ?? RecordBatchReader(bytes.bytes, from: from) }

    /// The records from an offset on.
    /// - Parameter reader: a reader that has already advanced to the offset; nil for none.
    func rest(from offset: Offset, _ reader: RecordBatchReader?) -> FetchedChunk {
        var rest = FetchedChunk(partition: partition, bytes: bytes, from: offset, next: next, version: version)
        rest.begun = reader.map(BegunReader.init)
        return rest
    }
}

/// Without it, each poll would parse and decompress a batch from its beginning.
private struct BegunReader: @unchecked Sendable {  // Unchecked: a value that points into bytes that never change.
    let reader: RecordBatchReader
}

/// Decides which records a consumer fetches, as a pure state.
struct FetchMachine {
    /// What the owner must do.
    enum Action {
        /// Send it; the response goes to `fetched`.
        case fetch(node: Int32, number: Int, FetchRequest)
        /// Send it; the response goes to `listed`.
        case listOffsets(node: Int32, number: Int, ListOffsetsRequest)
        /// Send it; the response goes to `checked`.
        case endOfEpoch(node: Int32, number: Int, OffsetForLeaderEpochRequest)
        /// Request metadata.
        case refresh
    }

    /// Where to start in a partition without an offset.
    enum Beginning: Hashable {
        /// At the first record, or after the last one.
        case first, end
        /// At the first record not older than this.
        case noOlderThan(Duration)

        /// The timestamp field of ListOffsets.
        func timestamp(at time: Timestamp) -> Int64 {
            switch self {
            case .end: -1
            case .first: -2
            // Negative timestamps have other meanings.
            case .noOlderThan(let age): max((time - age).ms, 0)
            }
        }
    }

    struct Place {
        /// Changes with each seek: chunks of an earlier version are discarded.
        let version: Int
        /// The offset of the next record to return.
        var position: Offset?
        /// The offset of the next record to fetch.
        var fetchOffset: Offset?
        /// What to look up if there is no offset.
        var resetTo: Beginning?
        var isPaused = false
        /// The number of the pending request.
        var question: Int?
        var chunks: [FetchedChunk] = []
        var bufferedBytes = 0
        var retryAt: Duration?
        var backoff: Backoff
        var error: ClientError?
        /// The offset after the last readable record, from the latest response.
        var end: Offset?
        /// The leader epoch of the last batch that was fetched; nil if there is none.
        var epoch: Int32?
        /// The epoch of the leader that has the last fetched batch: it was fetched from it, or the leader has confirmed
        /// it.
        var checkedEpoch: Int32 = -1
        /// The epoch of the leader that got the last request.
        var askedEpoch: Int32 = -1

        /// A request succeeded: the next failure starts with a short pause again.
        mutating func succeeded() {
            backoff.reset()
            retryAt = nil
        }
    }

    let options: ConsumerOptions
    private let backoff: Backoff
    var places: [TopicPartition: Place] = [:]
    /// The partitions in order, so that nothing depends on the order of a dictionary.
    private(set) var order: [TopicPartition] = []
    private var turn = 0
    private var questions = 0
    private var versions = 0
    private var asked: [Int: [TopicPartition]] = [:]
    /// The pending fetch of each broker.
    private var fetching: [Int32: Int] = [:]
    var sessions: [Int32: BrokerFetchSession] = [:]
    /// Brokers that have asked for a pause, and its end.
    var throttled: [Int32: Duration] = [:]

    init(_ options: ConsumerOptions, _ client: ClientOptions) {
        self.options = options
        backoff = Backoff(first: client.retryBackoff, longest: client.retryBackoffMax)
    }

    // MARK: Positions

    /// Retained partitions keep their positions and fetched chunks.
    mutating func assign(_ partitions: Set<TopicPartition>) {
        for partition in order where !partitions.contains(partition) { places[partition] = nil }
        for partition in partitions.sorted() where places[partition] == nil { places[partition] = newPlace() }
        order = partitions.sorted()
    }

    private mutating func newPlace() -> Place {
        versions += 1
        return Place(version: versions, backoff: backoff)
    }

    /// Partitions without a position.
    var withoutPosition: Set<TopicPartition> {
        Set(
            order.filter { partition in
                guard let place = places[partition] else { return false }
                return place.fetchOffset == nil && place.resetTo == nil && place.error == nil
            })
    }

    mutating func seek(_ partition: TopicPartition, to offset: Offset) {
        forget(partition)
        places[partition]?.position = offset
        places[partition]?.fetchOffset = offset
    }

    mutating func seek(_ partition: TopicPartition, to beginning: Beginning) {
        forget(partition)
        places[partition]?.resetTo = beginning
    }

    /// Resets the position: there is no committed offset, or it is out of range.
    mutating func reset(_ partition: TopicPartition, because reason: String) {
        switch options.offsetReset {
        case .earliest: seek(partition, to: .first)
        case .latest: seek(partition, to: .end)
        case .byDuration(let age): seek(partition, to: .noOlderThan(age))
        case .none:
            forget(partition)
            places[partition]?.error = .noPosition(partition, reason: "\(reason), and auto.offset.reset is 'none'")
        }
    }

    mutating func forget(_ partition: TopicPartition) {
        guard let old = places[partition] else { return }
        places[partition] = newPlace()
        places[partition]?.isPaused = old.isPaused
    }

    /// The records of the last chunk from `offset` on were not returned after all: they are returned again.
    mutating func giveBack(_ chunk: FetchedChunk, from offset: Offset) {
        guard let place = places[chunk.partition], place.version == chunk.version, let position = place.position,
            position > offset
        else { return }
        if place.chunks.first?.next == chunk.next {
            places[chunk.partition]?.chunks.removeFirst()
            places[chunk.partition]?.bufferedBytes -= chunk.bytes.count
        }
        advance(chunk, to: offset, chunk.rest(from: offset, nil))
    }

    mutating func pause(_ partitions: Set<TopicPartition>, _ isPaused: Bool) {
        for partition in partitions { places[partition]?.isPaused = isPaused }
    }

    /// Takes a fetched chunk, from each partition in turn.
    /// - Throws: a partition's error, once all chunks fetched before it are taken: once per failed request, and every
    ///   time while there is no position to fetch from.
    mutating func take() throws(ClientError) -> FetchedChunk? {
        for step in 0..<order.count {
            let partition = order[(turn + step) % order.count]
            guard let place = places[partition], !place.isPaused else { continue }
            if let error = place.error, place.chunks.isEmpty {
                turn = (turn + step + 1) % order.count
                if place.fetchOffset != nil || place.resetTo != nil { places[partition]?.error = nil }
                throw error
            }
            guard let chunk = place.chunks.first else { continue }
            places[partition]?.chunks.removeFirst()
            places[partition]?.bufferedBytes -= chunk.bytes.count
            turn = (turn + step + 1) % order.count
            return chunk
        }
        return nil
    }

    /// Marks the records of a chunk before `offset` as returned. The others are taken again.
    /// - Parameter rest: the remaining records.
    mutating func advance(_ chunk: FetchedChunk, to offset: Offset, _ rest: FetchedChunk?) {
        guard let place = places[chunk.partition], place.version == chunk.version else { return }
        if let fetchOffset = place.fetchOffset, fetchOffset < chunk.next {
            // A new leader lacks a part of the chunk.
            return seek(chunk.partition, to: min(offset, fetchOffset))
        }
        places[chunk.partition]?.position = offset
        guard let rest else { return }
        places[chunk.partition]?.chunks.insert(rest, at: 0)
        places[chunk.partition]?.bufferedBytes += chunk.bytes.count
    }

    // MARK: Requests

    /// The requests to send now, and when to call again, if nothing happens before.
    /// - Parameter time: the wall clock.
    mutating func next(
        _ now: Duration, _ map: ClusterMap, at time: Timestamp
    ) -> (actions: [Action], due: Duration?) {
        var actions: [Action] = []
        var due: Duration?
        var fetches: [Int32: [TopicPartition]] = [:]
        var lists: [Int32: [TopicPartition]] = [:]
        var checks: [Int32: [TopicPartition]] = [:]
        var crowded: Set<Int32> = []
        for partition in order {
            guard let place = places[partition], place.question == nil, place.error == nil,
                place.fetchOffset != nil || place.resetTo != nil
            else { continue }
            if let time = place.retryAt, time > now {
                due = min(due ?? time, time)
                continue
            }
            guard let node = map.leader(of: partition)?.node else {
                if let refusal = map.refusal(of: partition.topic) {
                    places[partition]?.error = refusal
                } else if isGone(partition.topic, map) {
                    places[partition]?.error = .unknownTopic(partition.topic)
                }
                actions.append(.refresh)
                continue
            }
            if place.resetTo != nil {
                lists[node, default: []].append(partition)
            } else if place.isUnchecked(by: map.leader(of: partition)) {
                checks[node, default: []].append(partition)
            } else if place.isPaused || place.bufferedBytes >= options.maxPartitionFetchBytes {
                crowded.insert(node)
            } else {
                fetches[node, default: []].append(partition)
            }
        }
        for node in lists.keys.sorted() {
            actions.append(listOffsets(node, lists[node] ?? [], map, time))
        }
        for node in checks.keys.sorted() { actions.append(endOfEpoch(node, checks[node] ?? [], map)) }
        for node in fetches.keys.sorted() where fetching[node] == nil {
            if let time = throttled[node], time > now {
                due = min(due ?? time, time)
                continue
            }
            actions.append(fetch(node, fetches[node] ?? [], map, isCrowded: crowded.contains(node)))
        }
        return (actions, due)
    }

    /// Whether a topic has been missing for too long to be new, or unknown to a broker that has just started.
    private func isGone(_ topic: String, _ map: ClusterMap) -> Bool {
        guard let patience = options.missingTopicPatience, let told = map.missing[topic] else { return false }
        return told.upperBound - told.lowerBound >= patience
    }

    /// Registers a request, and the leader's epoch that goes with it. Call before making the request.
    mutating func note(_ partitions: [TopicPartition], _ map: ClusterMap) -> Int {
        questions += 1
        asked[questions] = partitions
        for partition in partitions {
            places[partition]?.question = questions
            places[partition]?.askedEpoch = map.leader(of: partition)?.epoch ?? -1
        }
        return questions
    }

    private mutating func fetch(
        _ node: Int32, _ partitions: [TopicPartition], _ map: ClusterMap, isCrowded: Bool
    ) -> Action {
        let number = note(partitions, map)
        fetching[node] = number
        // A partition with enough data now may soon need more, and must not wait until others have some.
        let wait = isCrowded ? min(options.fetchMaxWait, .milliseconds(20)) : options.fetchMaxWait
        var request = FetchRequest {
            $0.maxWaitMs = Int32(clamping: wait.milliseconds)
            $0.minBytes = Int32(options.fetchMinBytes)
            $0.maxBytes = Int32(options.fetchMaxBytes)
            $0.isolationLevel = options.isolation.rawValue
        }
        let entries = partitions.map { partition in
            (
                partition,
                BrokerFetchSession.Entry(
                    offset: places[partition]?.fetchOffset ?? .zero,
                    leaderEpoch: places[partition]?.askedEpoch ?? -1)
            )
        }
        let named = sessions[node, default: BrokerFetchSession()].begin(&request, entries)
        let wanted = Dictionary(uniqueKeysWithValues: entries)
        request.topics = named.byTopic.map { topic, numbers in
            .init {
                $0.topic = topic
                $0.partitions = numbers.map { number in
                    let entry = wanted[TopicPartition(topic, number)]
                    return .init {
                        $0.partition = number
                        $0.currentLeaderEpoch = entry?.leaderEpoch ?? -1
                        $0.fetchOffset = entry?.offset ?? .zero
                        $0.partitionMaxBytes = Int32(options.maxPartitionFetchBytes)
                    }
                }
            }
        }
        return .fetch(node: node, number: number, request)
    }

    private mutating func listOffsets(
        _ node: Int32, _ partitions: [TopicPartition], _ map: ClusterMap, _ time: Timestamp
    ) -> Action {
        let number = note(partitions, map)
        let request = ListOffsetsRequest {
            $0.replicaID = -1
            $0.isolationLevel = options.isolation.rawValue
            $0.topics = partitions.byTopic.map { topic, numbers in
                .init {
                    $0.name = topic
                    $0.partitions = numbers.map { number in
                        let partition = TopicPartition(topic, number)
                        return .init {
                            $0.partitionIndex = number
                            $0.currentLeaderEpoch = places[partition]?.askedEpoch ?? -1
                            $0.timestamp = (places[partition]?.resetTo ?? .end).timestamp(at: time)
                        }
                    }
                }
            }
        }
        return .listOffsets(node: node, number: number, request)
    }

    /// The broker that a fetch was sent to; nil if the fetch is no longer pending.
    func node(ofFetch number: Int) -> Int32? { fetching.first { $0.value == number }?.key }

    /// Ends a pending request.
    /// - Returns: the partitions that still need its response.
    mutating func close(_ number: Int) -> [TopicPartition] {
        guard let partitions = asked.removeValue(forKey: number) else { return [] }
        fetching = fetching.filter { $0.value != number }
        let wanting = partitions.filter { places[$0]?.question == number }
        for partition in wanting { places[partition]?.question = nil }
        return wanting
    }
}
