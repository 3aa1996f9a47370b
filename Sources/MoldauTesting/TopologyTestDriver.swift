// Runs a whole topology as one task, synchronously, on the calling thread: the engine's own task, queues and outbox,
// without threads or a cluster. After each record it calls due stream-time punctuations, commits, and processes records
// written to topics that the topology also reads, until nothing is left; windows that close are emitted at once. These
// are the rules of Kafka Streams' `TopologyTestDriver`.

import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// Tests a topology without a cluster: pipe records in, read the results, inspect the stores.
///
/// ```swift
/// let driver = try TopologyTestDriver(topology)
/// try driver.pipe(lines, key: "1", value: "all streams lead to Kafka", at: Timestamp(ms: 0))
/// #expect(try driver.read(from: counts).count == 5)
/// ```
/// Every topic has one partition. The wall clock stands still until it is advanced. `pipe` throws the errors of user
/// code. Asynchronous closures run on the calling thread too, and by default complete before `pipe` returns; only
/// retries wait for the clock to be advanced.
public final class TopologyTestDriver {
    /// The wall clock.
    public private(set) var now: Timestamp
    private var time: RoundTime { RoundTime(now) }

    /// Whether each commit flushes the stores' caches; otherwise only a full cache does.
    package var writesStoresAtCommit = false

    /// When the driver waits for the results of asynchronous operators.
    public enum AsyncDraining: Sendable {
        /// After each record, before anything else: results and punctuations come as if the operator were synchronous.
        case afterEachRecord
        /// Only in `drainAsync`. Otherwise results are taken as they arrive, as in production; the test can hold
        /// closures back, or let them exceed their timeout by advancing the clock.
        case whenAsked
    }

    private let draining: AsyncDraining
    private let pump = PumpedExecutor()
    private let names: InternalTopicNames
    private let task: StreamTask
    private let globalTables: GlobalTables
    private let outbox: Outbox
    private let taskCommit: TaskCommit
    private let producer: CapturingProducer
    private let location: OpenStateLocation
    private let taskTopics: Set<String>
    private let globalTopics: Set<String>
    private var ends: [String: Offset] = [:]
    private var outputs: [String: [RawRecord]] = [:]
    private var builder = RecordBatchBuilder(capacity: 1 << 10)
    private var isClosed = false

    /// - Parameters:
    ///   - topology: the topology to test.
    ///   - applicationID: used in the names of internal topics.
    ///   - configuration: the handlers and settings of the application.
    ///   - state: where stores are kept; with a directory that is kept, a second driver can resume.
    ///   - wallClock: the initial time of the clock.
    ///   - draining: when the driver waits for asynchronous closures.
    ///   - topics: the existing topics, for sources that read topics by a pattern.
    /// - Throws: `TopologyError`, `StateError`, and errors that processors throw in `start`.
    public init(
        _ topology: Topology, applicationID: String = "test",
        configuration: StreamsConfiguration = StreamsConfiguration(),
        state: TestStateLocation = .temporaryDirectory, wallClock: Timestamp = Timestamp(ms: 0),
        draining: AsyncDraining = .afterEachRecord, topics: [String] = []
    ) throws {
        let topology = try topology.matching(topics)
        self.draining = draining
        var configuration = configuration
        configuration.asyncExecutor = configuration.asyncExecutor ?? pump
        configuration.closedWindowSearchInterval = .zero
        let names = InternalTopicNames(applicationID: applicationID, topology: topology)
        let producer = CapturingProducer()
        let outbox = Outbox(names: names, producer: producer, configuration: configuration)
        let location = try OpenStateLocation(state)
        do {
            globalTables = try GlobalTables(
                topology.globalTables, partitionCount: { _ in 1 }, environment: location.environment("global"),
                services: ThreadServices(names: names, configuration: configuration, outbox: outbox),
                now: RoundTime(wallClock))
            let services = ThreadServices(
                names: names, configuration: configuration, outbox: outbox, globalStores: globalTables.stores,
                wake: { [pump] in pump.signal() })
            task = try StreamTask(
                TaskID(subtopology: 0, partition: Partition(0)), topology.undivided,
                environment: location.environment("0_0"), services: services, now: RoundTime(wallClock))
        } catch {
            location.remove()
            throw error
        }
        now = wallClock
        (self.names, self.producer, self.outbox, self.location) = (names, producer, outbox, location)
        // Offsets are not stored: each driver starts at the beginning.
        taskCommit = TaskCommit(
            outbox: outbox, group: { GroupMetadata(group: applicationID) }, commitPositions: { _ in })
        taskTopics = Set(task.partitions.map(\.topic))
        globalTopics = Set(globalTables.partitions.map(\.topic))
        let start = TaskPosition(offset: .zero, end: .zero)
        task.begin(at: Dictionary(uniqueKeysWithValues: task.partitions.map { ($0, start) }))
        for partition in globalTables.partitions { globalTables.begin(partition, at: .zero, end: .zero) }
    }

    deinit { try? close() }

    /// Pipes a record in and runs until nothing is left to do.
    /// - Parameters:
    ///   - topic: a topic that the topology reads.
    ///   - key: nil is a null.
    ///   - value: nil is a tombstone.
    ///   - timestamp: nil takes the wall clock's time.
    ///   - headers: the record's headers; serdes may add some.
    /// - Throws: `TestDriverError.unknownTopic` if the topology does not read the topic, `.negativeTimestamp`; errors
    ///   of the serdes and of the topology's closures, if the configuration's handlers do not take them.
    public func pipe<Key, Value>(
        _ topic: Topic<Key, Value>, key: Key?, value: Value?, at timestamp: Timestamp? = nil,
        headers: Headers = Headers()
    ) throws {
        var headers = headers
        let keyBytes = try bytes(key, topic.key, &headers)
        let valueBytes = try bytes(value, topic.value, &headers)
        try pipe(topic: topic.name, key: keyBytes, value: valueBytes, at: timestamp, headers: headers)
    }

    /// Pipes in a record given as bytes.
    /// - Throws: `TestDriverError.unknownTopic` if the topology does not read the topic, `.negativeTimestamp`.
    public func pipe(
        topic: String, key: [UInt8]?, value: [UInt8]?, at timestamp: Timestamp? = nil, headers: Headers = Headers()
    ) throws {
        let topic = names.topic(topic)
        guard taskTopics.contains(topic) || globalTopics.contains(topic) else {
            throw TestDriverError.unknownTopic(topic, known: (taskTopics.union(globalTopics)).sorted())
        }
        if let timestamp, timestamp.ms < 0 {
            throw TestDriverError.negativeTimestamp(topic: topic, ms: timestamp.ms)
        }
        builder.reset()
        append(key: key, value: value, timestamp: timestamp ?? now, headers: headers)
        try take(Array(builder.finish()), of: topic)
        try runUntilQuiet()
    }

    /// Makes an input topic with a clock of its own.
    ///
    /// ```swift
    /// let input = driver.input(clicks, from: Timestamp(ms: 0), step: .seconds(10))
    /// try input.pipe(pairs: [("ada", "/home"), ("ada", "/shop")])  // at 0 s and at 10 s
    /// ```
    /// - Parameters:
    ///   - topic: a topic that the topology reads.
    ///   - start: the time of the first record; nil takes the wall clock's current time.
    ///   - step: how far each record advances the topic's clock; a negative step makes records that are out of order.
    public func input<Key, Value>(
        _ topic: Topic<Key, Value>, from start: Timestamp? = nil, step: Duration = .zero
    ) -> TestInputTopic<Key, Value> { TestInputTopic(self, topic, from: start ?? now, step: step) }

    private func append(key: [UInt8]?, value: [UInt8]?, timestamp: Timestamp, headers: Headers) {
        (key ?? []).withUnsafeBytes { keyBytes in
            (value ?? []).withUnsafeBytes { valueBytes in
                builder.append(
                    key: key == nil ? nil : keyBytes, value: value == nil ? nil : valueBytes, timestamp: timestamp,
                    headers: headers)
            }
        }
    }

    /// Advances the wall clock, calls the punctuations that are then due, and runs until nothing is left to do.
    /// - Throws: errors of the punctuations and of what they forward to.
    public func advanceWallClock(by duration: Duration) throws {
        now = now + duration
        if try resume() > 0 { try task.punctuateStreamTime(now: time) }
        try task.punctuateWallClock(now: time)
        try commit()
        try runUntilQuiet()
    }

    /// The records written to a topic since it was last read, in order; nil values are tombstones.
    /// - Throws: `SerdeError` if keys or values are not of the topic's types.
    public func read<Key, Value>(from topic: Topic<Key, Value>) throws -> [Record<Key, Value?>] {
        try readBytes(from: topic.name).map { try $0.decoded(key: topic.key, value: topic.value) }
    }

    /// The records written to a topic since it was last read, as bytes. Includes changelogs and repartition topics, by
    /// their full names.
    public func readBytes(from topic: String) -> [RawRecord] { outputs.removeValue(forKey: names.topic(topic)) ?? [] }

    /// The topics with records that were not read yet.
    public var writtenTopics: [String] { outputs.keys.sorted() }

    /// A store, to inspect it or to fill it before the first record; the name's type determines the store's.
    /// - Throws: `TestDriverError.unknownStore`, `TopologyError.wrongType`.
    public func store<Name: StoreName>(_ name: Name) throws -> Name.Store { try store(name.name) }

    /// A store by its name and type.
    package func store<Store>(_ name: String, as type: Store.Type = Store.self) throws -> Store {
        guard let store = task.context.store(named: name) ?? globalTables.stores.first(where: { $0.name == name })
        else {
            throw TestDriverError.unknownStore(name, known: storeNames)
        }
        guard let typed = store as? Store else {
            throw TopologyError.wrongType(name: name, expected: "\(Store.self)", found: "\(Swift.type(of: store))")
        }
        return typed
    }

    /// The names of all stores, those of global tables last.
    public var storeNames: [String] { task.stores.entries.map(\.store.name) + globalTables.stores.map(\.name) }

    /// The records that were dropped so far, by node and reason.
    public var drops: [DropKey: Int64] {
        (globalTables.drops + [task.context.drops, outbox.drops]).reduce(into: [:]) { all, drops in
            for (key, tally) in drops { all[key, default: 0] += tally.count }
        }
    }

    /// What Kafka Streams' metric `dropped-records-total` would show.
    package var kafkaDroppedRecords: Int64 {
        drops.reduce(0) { $1.key.reason.countsInKafkaStreams ? $0 + $1.value : $0 }
    }

    /// Closes processors and stores, and deletes temporary state. `deinit` does the same.
    /// - Throws: the first error of a processor or store.
    public func close() throws {
        guard !isClosed else { return }
        isClosed = true
        defer { location.remove() }
        let results = [Result { try task.close() }, Result { try globalTables.close() }]
        for result in results { try result.get() }
    }

    // MARK: The loop

    private func runUntilQuiet() throws {
        try feedBack()
        repeat {
            while try processNext() {
                try resume()
                try task.punctuateStreamTime(now: time)
                try commit()
                try feedBack()
            }
            // A record that cannot be read is not processed, but may have been sent to a dead-letter topic.
            try outbox.flush()
        } while try feedBack() > 0
    }

    private func processNext() throws -> Bool {
        outbox.begin(time)
        return try task.processNext(now: time)
    }

    /// Waits for the results of asynchronous operators, except for retries that are due later, and runs until nothing
    /// is left to do.
    /// - Throws: `TestDriverError.asyncWorkStalled` if there is no progress for ten seconds.
    public func drainAsync() throws {
        outbox.begin(time)
        repeat {
            try waitForResults()
            try task.punctuateStreamTime(now: time)
            try commit()
            try runUntilQuiet()
        } while task.context.isAwaitingResults
    }

    @discardableResult
    private func resume() throws -> Int {
        pump.run()
        let count = try task.resume(now: time)
        if draining == .afterEachRecord { try waitForResults() }
        return count
    }

    private func waitForResults() throws {
        while task.context.isAwaitingResults {
            pump.run()
            if try task.resume(now: time) == 0, task.context.isAwaitingResults, !pump.wait(atMost: 10) {
                throw TestDriverError.asyncWorkStalled(inFlight: task.context.deferredCount)
            }
        }
    }

    private func commit() throws {
        while try !taskCommit.commit([task], globalTables: globalTables, now: time, writeBehind: writesStoresAtCommit) {
            // Records that wait for the clock, or for the test, defer the commit.
            guard draining == .afterEachRecord, task.context.isAwaitingResults else { return try outbox.flush() }
            try waitForResults()
        }
    }

    /// Collects what was written, and feeds it back into the topology if it reads the topic.
    /// - Returns: how many batches there were.
    @discardableResult
    private func feedBack() throws -> Int {
        let batches = producer.takeBatches()
        for (topic, bytes) in batches {
            try bytes.withUnsafeBytes { batch in
                var reader = RecordBatchReader(batch)
                while let record = try reader.next() { outputs[topic, default: []].append(try RawRecord(record)) }
            }
            if taskTopics.contains(topic) || globalTopics.contains(topic) { try take(bytes, of: topic) }
        }
        return batches.count
    }

    /// Passes a batch to the topology, as if it had been fetched.
    private func take(_ batch: [UInt8], of topic: String) throws {
        let first = ends[topic] ?? .zero
        var batch = batch
        let count = try batch.withUnsafeMutableBytes { bytes in
            // The checksum does not cover the base offset.
            bytes[BatchFormat.baseOffset] = first.value
            return Int64(try RecordBatchHeader(UnsafeRawBufferPointer(bytes)).lastOffsetDelta) + 1
        }
        ends[topic] = first + count
        let fetched = FetchedBatches(
            partition: TopicPartition(topic, 0), bytes: SharedBytes(copying: batch),
            firstOffset: first, end: first + count)
        if globalTopics.contains(topic) {
            _ = try globalTables.apply(fetched, now: time)
        } else {
            try task.add(fetched, now: time)
        }
    }

    private func bytes<Value>(_ value: Value?, _ serde: Serde<Value>, _ headers: inout Headers) throws -> [UInt8]? {
        guard let value, !serde.isNull(value) else { return nil }
        var writer = ByteWriter()
        try serde.encode(value, &writer, headers: &headers)
        return Array(writer.bytes)
    }
}
