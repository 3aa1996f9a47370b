import MoldauBroker
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Synchronization

/// A store that readers query.
struct AskedStore {
    let definition: StoreDefinition
    let placement: StorePlacement
    /// Whether it is restored from a topic that the application reads.
    let isSource: Bool
    /// The partitions that the store is restored from: one for each task, or those of a global table's topic.
    let changelogs: [TopicPartition]

    /// Whether each thread has a full copy of it.
    var isGlobal: Bool { placement.tasks.isEmpty }
    /// Whether its entries expire.
    var isWindowed: Bool { definition.windowRetention != nil }
    /// Whether it has rows with keys that a user knows.
    var isTable: Bool { definition.typedName is any TableName }

    /// The partitions whose positions belong to an answer from that partition.
    func inputs(_ partition: Partition) -> Set<TopicPartition> {
        Set(placement.inputs.map { TopicPartition($0, partition.number) })
    }

    /// The stores of a topology that can be restored, in order; global tables last.
    /// - Parameter partitionCounts: by topic.
    static func all(
        of topology: Topology, _ tasks: [TaskID], _ names: InternalTopicNames, partitionCounts: [String: Int32]
    ) -> [AskedStore] {
        let placements = topology.storePlacements(tasks, names)
        let ofTasks = topology.subtopologies.flatMap { part in
            part.stores.compactMap { store -> AskedStore? in
                let source = part.sourceChangelogs.first { $0.store == store.name }
                guard let placement = placements[store.name], source != nil || store.isLogged else { return nil }
                let changelog = source.map { names.topic($0.topic) } ?? names.changelog(ofStore: store.name)
                return AskedStore(
                    definition: store, placement: placement, isSource: source != nil,
                    changelogs: placement.tasks.map { TopicPartition(changelog, $0.partition.number) })
            }
        }
        let global = topology.globalTables.compactMap { table in
            placements[table.store.name].map { placement in
                AskedStore(
                    definition: table.store, placement: placement, isSource: true,
                    changelogs: (0..<(partitionCounts[table.topic] ?? 0)).map { TopicPartition(table.topic, $0) })
            }
        }
        return ofTasks + global
    }
}

/// A query of a reader.
struct Inquiry: Sendable {
    let reader: Int
    let store: String
    /// The changelog of the partition that is queried; the first one of a global table.
    let changelog: TopicPartition
    /// nil: a query for all entries.
    let key: [UInt8]?
    var options = QueryOptions()
}

/// The outcome of a query, and the state at that moment.
struct Reply: Sendable {
    let inquiry: Inquiry
    /// The number of the thread that was queried.
    let thread: Int
    var result: Result<QueryAnswer<StoreRows>, any Error>
    /// The application's committed positions.
    let committed: [TopicPartition: Offset]
    /// The end of the changelog's committed records.
    let changelogEnd: Offset
}

/// Collects replies, which arrive while threads work.
final class ReplyBox: Sendable {
    private let replies = Mutex<[Reply]>([])

    func add(_ reply: Reply) { replies.withLock { $0.append(reply) } }

    func takeAll() -> [Reply] {
        replies.withLock { replies in
            defer { replies = [] }
            return replies
        }
    }
}

extension SimulatedProcess {
    /// Sends a query for committed values to the thread that has the task, as the engine does.
    /// - Returns: false if no thread has it now.
    func put(_ inquiry: Inquiry, deadline: Duration, clock: SimulatedClock, to box: ReplyBox) throws -> Bool {
        guard let store = askedStores.first(where: { $0.definition.name == inquiry.store }) else { return false }
        var options = inquiry.options
        if mistake == .staleShownAsFresh { options.allowsStale = true }
        let task = try task(for: inquiry, store, options)
        let numbers = threads.keys.sorted()
        var number = task.flatMap {
            placement.thread(
                toAskAbout: $0, among: numbers, orCopy: options.allowsStale && options.atLeast.isEmpty)
        }
        if mistake == .staleShownAsFresh, let task {
            number = numbers.first { placement.held($0).standby[task] != nil } ?? number
        }
        if store.isGlobal { number = numbers.first }
        guard let number, let thread = threads[number] else { return false }
        let question = StoreQuestion(
            store: inquiry.store, task: task, view: mistake == .uncommittedShown ? .newest : .committed,
            options: options, deadline: deadline
        ) { [key = inquiry.key] in try $0.rows(key) }
        thread.mailbox.post(untilDone: { try question.answer(from: $0, now: clock.uptime) }) {
            [broker, mistake, store, changelog = inquiry.changelog, inputs = store.inputs(inquiry.changelog.partition)]
            in
            let offsets = broker.committedOffsets(of: Workload.applicationID).filter { inputs.contains($0.key) }
            let committed = offsets.mapValues(\.offset)
            // Without a broker there is no answer.
            let end = store.isSource ? committed[changelog] : try? broker.partition(changelog).bounds().upperBound
            var reply = Reply(
                inquiry: inquiry, thread: number, result: $0, committed: committed, changelogEnd: end ?? .zero)
            if mistake == .staleShownAsFresh {
                reply.result = $0.map { QueryAnswer($0.value, position: committed) }
            }
            if mistake == .globalPositionTooHigh, store.isGlobal {
                let ends = store.changelogs.map { ($0, (try? broker.partition($0).bounds().upperBound) ?? .zero) }
                reply.result = $0.map { QueryAnswer($0.value, position: Dictionary(uniqueKeysWithValues: ends)) }
            }
            box.add(reply)
        }
        return true
    }

    /// The task of the key, or of the requested partition; nil for a global table.
    private func task(for inquiry: Inquiry, _ store: AskedStore, _ options: QueryOptions) throws -> TaskID? {
        if store.isGlobal { return nil }
        let placement = store.placement
        var partition = options.partition ?? inquiry.key.map { placement.partition(ofKey: $0) } ?? Partition(0)
        if mistake == .wrongPartitionAsked {
            partition = Partition((partition.number + 1) % Int32(placement.tasks.count))
        }
        return try placement.task(of: partition, inquiry.store)
    }
}
