// The path of a query: from any Swift task, through the mailbox of the stream thread that runs the store's task, and
// back. If the task is moving between threads, the query waits and goes to the other one.

import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

extension StreamsEngine {
    /// How often a waiting query checks whether a thread has the task again.
    private static var pause: Duration { .milliseconds(5) }

    /// Reads one partition of a store, on the thread that runs its task.
    /// - Parameters:
    ///   - partition: ignored for a global table.
    ///   - place: the place after which a scan continues.
    ///   - read: called on the stream thread, which does nothing else meanwhile: it must be quick.
    /// - Throws: `QueryError`, `StateError`, errors of the serdes; `CancellationError`.
    package func ask<Answer: Sendable>(
        _ store: String, _ partition: Partition, _ options: QueryOptions, after place: [UInt8]? = nil,
        steps: Int = .max, _ read: @escaping @Sendable (any StateStore) throws -> Answer
    ) async throws -> QueryAnswer<Answer> {
        let deadline = clock().uptime + options.timeout
        let view = options.view ?? (configuration.guarantee == .exactlyOnce ? .committed : .newest)
        while true {
            let task = try await placement(of: store, options).task(of: partition, store)
            let question = StoreQuestion(
                store: store, task: task, view: view, options: options, deadline: deadline, place: place,
                steps: steps, read: read)
            do {
                if let mailbox = try mailbox(for: task, of: store, options) {
                    return try await put(question, to: mailbox)
                }
            } catch let error as ThreadMailboxError {
                if case .tooMany(_, let waiting) = error { throw QueryError.tooMany(waiting: waiting) }
            }
            guard clock().uptime < deadline else {
                let what = task.map { "task \($0)" } ?? "it"
                throw QueryError.timedOut(store: store, reason: "no stream thread has \(what) now")
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Queries the tasks of some partitions for a page of entries.
    /// - Parameter read: returns at most this many entries, and where the scan was cut short; called on the stream
    ///   threads.
    package func list<Key: Sendable, Row: Sendable>(
        _ store: String, in partitions: [Partition], _ options: QueryOptions, _ request: StorePageRequest,
        _ read: @escaping @Sendable (any StateStore, _ count: Int) throws -> StorePageMerge<Key, Row>.Slice
    ) async throws -> QueryAnswer<StorePage<Key, Row>> {
        var merge = StorePageMerge<Key, Row>(partitions, request)
        var answer = QueryAnswer(())
        while let (partition, place, count) = merge.wanted {
            let part = try await ask(
                store, partition, options, after: place, steps: StorePageMerge<Key, Row>.steps
            ) { try read($0, count) }
            answer.add(part)
            merge.take(part.value, from: partition)
        }
        return answer.with(merge.page)
    }

    /// Encodes a key as in the store and its changelog.
    func bytes<Name: StoreName>(of key: Name.Key, in name: Name) throws -> [UInt8] {
        try keySerde(of: name).bytes(of: key)
    }

    /// The serde of a store's keys as they are in its changelog.
    package func keySerde<Name: StoreName>(of name: Name) -> Serde<Name.Key> {
        name.key.at(names.changelog(ofStore: name.name), .key)
    }

    /// The partition of the options, or the one that Kafka's producers choose for a key.
    package func partition(ofKey bytes: [UInt8], in name: some StoreName, _ options: QueryOptions) async throws
        -> Partition
    {
        if let partition = options.partition { return partition }
        // The window of a windowed key does not affect its partition.
        return try await placement(of: name.name, options).partition(ofKey: bytes.dropLast(name.key.trailerBytes))
    }

    /// The keys by partition, in queries of at most `limit` keys; see `partition(ofKey:in:_:)`.
    /// - Throws: `StateError.nullKey` for a key that is encoded as a null; errors of its serde.
    func keysToAsk<Name: StoreName>(
        _ keys: [Name.Key], in name: Name, _ options: QueryOptions, atATime limit: Int
    ) async throws -> [AskedKeys] {
        if keys.isEmpty { return [] }
        let placement = try await placement(of: name.name, options)
        let (serde, trailer) = (keySerde(of: name), name.key.trailerBytes)
        var bytes = ByteWriter()
        var questions: [AskedKeys] = []
        var open: [Partition: Int] = [:]
        for place in keys.indices {
            if serde.isNull(keys[place]) { throw StateError.nullKey(store: name.name) }
            bytes.removeAll()
            try serde.encode(keys[place], &bytes)
            let partition = options.partition ?? placement.partition(ofKey: bytes.bytes.dropLast(trailer))
            if let number = open[partition], questions[number].places.count < limit {
                questions[number].append(place, bytes.bytes)
            } else {
                open[partition] = questions.count
                questions.append(AskedKeys(partition, place, bytes.bytes))
            }
        }
        return questions
    }

    /// The partition of the options, or all.
    package func partitions(of store: String, _ options: QueryOptions) async throws -> [Partition] {
        if let partition = options.partition { return [partition] }
        let partitions = try await placement(of: store, options).tasks.map(\.partition)
        return partitions.isEmpty ? [Partition(0)] : partitions
    }

    private func put<Answer>(
        _ question: StoreQuestion<Answer>, to mailbox: ThreadMailbox
    ) async throws -> QueryAnswer<Answer> {
        try await OneAnswer().get(from: mailbox) { [clock] contents in
            try question.answer(from: contents, now: clock().uptime)
        }
    }

    /// Makes the thread that runs a store's task commit what it has processed so far. Returns without a commit after
    /// the options' timeout, and if nothing can be committed: there is no space, or the task has moved.
    /// - Throws: `CancellationError`.
    func commit(_ task: TaskID, of store: String, _ options: QueryOptions) async throws {
        guard let mailbox = try? mailbox(for: task, of: store, options) else { return }
        let reply = OneAnswer<Void>()
        let timeout = Task {
            try await Task.sleep(for: options.timeout)
            reply.give(.success(()))
        }
        defer { timeout.cancel() }
        let countBefore = Mutex<Int64?>(nil)
        do {
            try await reply.get(from: mailbox) { contents in
                let count = contents.schedule.count
                let before = countBefore.withLock { before in
                    before = before ?? count
                    return before
                }
                return before == count && contents.requestCommit(of: task) ? nil : ()
            }
        } catch is ThreadMailboxError {
            // The thread has ended.
        }
    }

    /// Returns where a store is. Waits for the application's start.
    /// - Throws: `QueryError.unknownStore`, `.notRunning`, `.notAnInput`; `CancellationError`.
    func placement(of store: String, _ options: QueryOptions) async throws -> StorePlacement {
        let deadline = clock().uptime + options.timeout
        while true {
            let (state, stores) = inner.withLock { ($0.state, $0.plan?.stores) }
            if state.isOver { throw QueryError.notRunning(state) }
            if let stores {
                guard let placement = stores[store] else {
                    throw QueryError.unknownStore(store, known: stores.keys.sorted())
                }
                for partition in options.atLeast.keys where !placement.inputs.contains(partition.topic) {
                    throw QueryError.notAnInput(
                        topic: partition.topic, store: store, inputs: placement.inputs.sorted())
                }
                return placement
            }
            guard clock().uptime < deadline else { throw QueryError.notRunning(state) }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// - Throws: `QueryError.unknownStore` if the topology has no store of that name; `.wrongType`.
    func requireStore(_ name: some StoreName) throws(QueryError) {
        guard let definition = topology.definition(ofStore: name.name) else {
            throw .unknownStore(name.name, known: topology.storePlacements([], names).keys.sorted())
        }
        try definition.require(name)
    }

    /// The mailbox of the thread to query; nil if there is none now.
    /// - Throws: `QueryError.elsewhere`.
    private func mailbox(
        for task: TaskID?, of store: String, _ options: QueryOptions
    ) throws(QueryError) -> ThreadMailbox? {
        let (found, isOurs) = inner.withLock { inner -> (StreamThreadLoop?, Bool) in
            let loops = inner.loops.sorted(on: \.key)
            guard let task else { return (loops.first?.value, true) }
            let number = inner.placement.thread(
                toAskAbout: task, among: loops.map(\.key),
                // A copy does not know its position.
                orCopy: options.allowsStale && options.atLeast.isEmpty)
            let isOurs = inner.group.process == nil || inner.group.share?.activeTasks.contains(task) ?? true
            return (number.flatMap { inner.loops[$0] }, isOurs)
        }
        if let task, found == nil, !isOurs {
            throw .elsewhere(store: store, task, host: hosts.first { $0.value.contains(task) }?.key)
        }
        return found?.mailbox
    }
}

/// Some keys of one partition that are queried together.
struct AskedKeys: Sendable {
    let partition: Partition
    /// Their indexes in the list of all keys.
    private(set) var places: [Int] = []
    /// The keys as they are in the store and its changelog.
    private(set) var bytes = ByteStrings()

    init(_ partition: Partition, _ place: Int, _ key: UnsafeRawBufferPointer) {
        self.partition = partition
        append(place, key)
    }

    mutating func append(_ place: Int, _ key: UnsafeRawBufferPointer) {
        places.append(place)
        bytes.append(key)
    }
}

/// Where a store is.
package struct StorePlacement: Sendable {
    /// The tasks that have it, in order; none for a global table.
    package let tasks: [TaskID]
    /// The topics that its tasks read.
    package let inputs: Set<String>
    let isGlobal: Bool

    fileprivate init(_ tasks: [TaskID], inputs: [String], isGlobal: Bool = false) {
        (self.tasks, self.inputs, self.isGlobal) = (tasks, Set(inputs), isGlobal)
    }

    /// The partition that Kafka's producers choose for a key.
    package func partition(ofKey bytes: some Collection<UInt8>) -> Partition {
        if tasks.count <= 1 { return Partition(0) }
        return Array(bytes).withUnsafeBytes { Partitioner.partition(ofKey: $0, count: Int32(tasks.count)) }
    }

    /// The task of a partition; nil for a global table.
    package func task(of partition: Partition, _ store: String) throws(QueryError) -> TaskID? {
        if isGlobal { return nil }
        guard let task = tasks.first(where: { $0.partition == partition }) else {
            throw .unknownPartition(partition, store: store, count: tasks.count)
        }
        return task
    }
}

extension Topology {
    /// The placement of each store.
    package func storePlacements(_ tasks: [TaskID], _ names: InternalTopicNames) -> [String: StorePlacement] {
        var placements: [String: StorePlacement] = [:]
        for part in subtopologies {
            let placement = StorePlacement(
                tasks.filter { $0.subtopology == part.number }, inputs: part.sourceTopics.map(names.topic))
            for store in part.stores { placements[store.name] = placement }
        }
        for table in globalTables {
            placements[table.store.name] = StorePlacement([], inputs: [names.topic(table.topic)], isGlobal: true)
        }
        return placements
    }
}
