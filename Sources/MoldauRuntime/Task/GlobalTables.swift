import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// A stream thread's copies of the global tables: all partitions of their topics, applied as the records arrive.
///
/// The topic serves as the changelog: the stores have none, and each stores with its data the offset up to which every
/// partition was applied. Owned by one stream thread.
package final class GlobalTables {
    private struct Table {
        let store: any StateStore
        let context: TaskContext
        let nodeContext: NodeContext
        let queues: [PartitionQueue]

        /// Whether a write to the store is a mistake: one of a processor that only may read it.
        func setReadOnly(_ isReadOnly: Bool) { (store as? any CacheBackedStore)?.cache.isReadOnly = isReadOnly }
    }

    private let tables: [Table]
    private let places: [TopicPartition: (table: Int, queue: Int)]
    private let environment: StoreEnvironment
    private let outbox: Outbox
    package private(set) var appliedCount: Int64 = 0
    /// Whether records were applied since the last commit.
    package private(set) var hasNews = false

    /// Opens the stores.
    /// - Parameter partitionCount: the partition count of a topic, by its name.
    package init(
        _ nodes: [GlobalTableNode], partitionCount: (String) throws -> Int32, environment: StoreEnvironment,
        services: ThreadServices, now: RoundTime
    ) throws {
        self.environment = environment
        outbox = services.outbox
        var tables: [Table] = []
        do {
            for (number, node) in nodes.enumerated() {
                let count = try partitionCount(node.topic)
                tables.append(
                    try Self.open(
                        node, number: number, partitionCount: count, environment: environment,
                        services: services, now: now))
            }
        } catch {
            for table in tables { try? table.store.close() }
            environment.close()
            throw error
        }
        self.tables = tables
        var places: [TopicPartition: (table: Int, queue: Int)] = [:]
        for (number, table) in tables.enumerated() {
            for (index, queue) in table.queues.enumerated() { places[queue.partition] = (number, index) }
        }
        self.places = places
    }

    private static func open(
        _ node: GlobalTableNode, number: Int, partitionCount: Int32, environment: StoreEnvironment,
        services: ThreadServices, now: RoundTime
    ) throws -> Table {
        var definition = node.store
        definition.isLogged = false
        // The store is restored from the topic itself.
        environment.changelogTopic = { _ in node.topic }
        let origin = StoreOrigin(topic: node.topic, id: services.topicIDs[node.topic], isChangelog: false)
        environment.origin = { _ in origin }
        let store = try definition.open(in: environment)
        let context = TaskContext(
            applicationID: services.names.applicationID,
            taskID: TaskID(subtopology: -1 - number, partition: Partition(0)), outbox: services.outbox, now: now,
            onFailure: services.configuration.onProcessingFailure)
        context.dropSamples = services.configuration.dropSamples
        context.add(store)
        let nodeContext = NodeContext(
            node: node.processorName, task: context, children: [], stores: [store.name], storeOrder: [:])
        nodeContext.headTopic = node.topic
        do {
            let heads = try node.makeHeads(nodeContext, partitionCount)
            let queues = heads.enumerated().map { number, head in
                PartitionQueue(
                    partition: TopicPartition(node.topic, Int32(number)), node: node.sourceName, source: head,
                    context: context, outbox: services.outbox,
                    onFailure: services.configuration.onDeserializationFailure)
            }
            let table = Table(store: store, context: context, nodeContext: nodeContext, queues: queues)
            table.setReadOnly(true)
            return table
        } catch {
            try? store.close()
            throw error
        }
    }

    package var stores: [any StateStore] { tables.map(\.store) }

    /// How far a table has applied the partitions of its topic.
    func positions(ofStore name: String) -> [TopicPartition: Offset] {
        guard let table = tables.first(where: { $0.store.name == name }) else { return [:] }
        return table.queues.reduce(into: [:]) { $0[$1.partition] = $1.position }
    }

    /// How far the tables that have not caught up are behind their topics.
    var lags: [StoreLag] {
        tables.flatMap { table in
            table.queues.filter { !$0.isCaughtUp }.map { queue in
                StoreLag(
                    store: table.store.name, changelog: queue.partition, position: queue.position ?? .zero,
                    end: queue.end ?? .zero, isStandby: false)
            }
        }
    }
    var queues: [PartitionQueue] { tables.flatMap(\.queues) }

    package var partitions: [TopicPartition] { tables.flatMap { $0.queues.map(\.partition) } }
    package var drops: [[DropKey: DropTally]] { tables.map(\.context.drops) }

    /// The position up to which a partition had been applied when its store was last saved; nil if it never was.
    package func savedPosition(of partition: TopicPartition) -> Offset? {
        places[partition].flatMap { tables[$0.table].store.positions[partition] }
    }

    /// Empties stores that are ahead of their topics: a recreated or truncated topic contains everything that its store
    /// should hold.
    package func checkPositions(against held: [TopicPartition: Range<Offset>]) throws {
        for table in tables {
            for queue in table.queues {
                let partition = queue.partition
                guard let saved = table.store.positions[partition], let bounds = held[partition],
                    saved > bounds.upperBound
                else { continue }
                _ = try table.store.erase(
                    because: "the store is at offset \(saved) of \(partition), which ends at \(bounds.upperBound)")
                break
            }
        }
    }

    /// The tables whose stores had data but were emptied, and why.
    package var erased: [(store: String, partitions: [TopicPartition], reason: String)] {
        tables.compactMap { table in
            table.store.erasedBecause.map { (table.store.name, table.queues.map(\.partition), $0) }
        }
    }

    /// Notes where the restore of a partition begins, and where it will end.
    package func begin(_ partition: TopicPartition, at offset: Offset, end: Offset) {
        guard let place = places[partition] else { return }
        tables[place.table].queues[place.queue].begin(at: offset, end: end, partitionTime: .none)
    }

    /// Whether everything that the topics are known to hold has been applied.
    package var isCaughtUp: Bool { tables.allSatisfy { $0.queues.allSatisfy(\.isCaughtUp) } }

    /// Applies batches of a global table's topic.
    /// - Returns: false if the partition does not belong to a global table.
    package func apply(_ batches: FetchedBatches, now: RoundTime) throws -> Bool {
        guard let place = places[batches.partition] else { return false }
        let (table, queue) = (tables[place.table], tables[place.table].queues[place.queue])
        table.context.time = now
        table.setReadOnly(false)
        defer { table.setReadOnly(true) }
        try queue.add(batches)
        while let head = queue.head {
            table.context.took(queue.headTime)
            table.context.origin = RecordOrigin(
                topic: queue.partition.topic, partition: queue.partition.partition, offset: head.offset)
            outbox.processing = queue
            defer { outbox.processing = nil }
            try queue.processHead()
            appliedCount += 1
            hasNews = true
        }
        table.context.origin = nil
        return true
    }

    /// Records the positions of the tables, and saves the tables when it is time. What they have applied must be
    /// durable.
    package func commit(writeBehind force: Bool = false) throws {
        hasNews = false
        for table in tables {
            try table.store.drainChanges { _, _, _ in }
            var positions: [TopicPartition: Offset] = [:]
            for queue in table.queues { positions[queue.partition] = queue.position }
            table.store.committed(changelogEnd: nil, positions: positions)
            try table.store.writeBehind(force: force)
        }
    }

    /// Rows that could not be saved for lack of space are read from the topics again.
    /// - Throws: the first error; all stores are closed.
    package func close() throws {
        var first: (any Error)?
        for table in tables {
            do { try table.context.closeNodes() } catch { first = first ?? error }
            do { try table.store.close() } catch StateError.noSpace {} catch { first = first ?? error }
        }
        environment.close()
        if let first { throw first }
    }
}
