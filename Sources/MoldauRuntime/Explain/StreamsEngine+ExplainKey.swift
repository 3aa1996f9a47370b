// Why a store has no value for a key: asks the task that should have it, then the others, then searches for the key
// among dropped records and in the topic that the store is restored from.

import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

extension StreamsEngine {
    /// - Throws: `QueryError.unknownStore`; `CancellationError`; errors of the serdes for a key that cannot be encoded.
    package func explain<Name: StoreName>(
        _ key: Name.Key, in name: Name
    ) async throws -> KeyExplanation { try await explain(bytes(of: key, in: name), in: name) }

    /// - Parameter bytes: the key's, as stored.
    package func explain(_ bytes: [UInt8], in name: some StoreName) async throws -> KeyExplanation {
        var options = QueryOptions()
        (options.view, options.allowsStale, options.timeout) = (.newest, true, .seconds(2))
        var explanation = KeyExplanation(
            store: name.name, key: readable(bytes), isHere: false, hasValue: false, reasons: [])
        do {
            try requireStore(name)
            let placement = try await placement(of: name.name, options)
            if !placement.isGlobal {
                let partition = try await partition(ofKey: bytes, in: name, options)
                explanation.partition = partition
                explanation.task = placement.tasks.first { $0.partition == partition }
            }
            let partition = explanation.partition ?? Partition(0)
            explanation.hasValue = try await holds(bytes, name, in: partition, options)
            explanation.isHere = true
            if explanation.hasValue { return explanation }
            for other in placement.tasks.map(\.partition) where other != partition {
                // Only tasks of this process can be asked.
                guard await (try? holds(bytes, name, in: other, options)) ?? false else { continue }
                explanation.reasons.append(
                    .elsewhere(in: other, expected: partition, of: name.name, key: explanation.key))
            }
            let isLogged = planned?.0.topology.definition(ofStore: name.name)?.isLogged ?? false
            if explanation.reasons.isEmpty, let task = explanation.task, isLogged {
                // The changelog contains only committed changes. The key may arrive meanwhile.
                try await commit(task, of: name.name, options)
                explanation.hasValue = try await holds(bytes, name, in: partition, options)
                if explanation.hasValue { return explanation }
            }
        } catch let error as QueryError {
            if case .unknownStore = error { throw error }
            if let reason = Explanation.Reason(error) { explanation.reasons.append(reason) }
        } catch let error as SerdeError {
            explanation.reasons.append(.unreadable(name.name, because: "\(error)"))
        }
        let application = try await explained()
        if explanation.reasons.isEmpty {
            explanation.reasons += application.dropReasons(before: name.name, naming: bytes, key: explanation.key)
            if let reason = try await historyReason(bytes, explanation, name.windowBytes) {
                explanation.reasons.append(reason)
            }
        }
        explanation.reasons += Explanation(application).reasons.filter { !explanation.reasons.contains($0) }
        return explanation
    }

    private func holds<Name: StoreName>(
        _ key: [UInt8], _ name: Name, in partition: Partition, _ options: QueryOptions
    ) async throws -> Bool {
        let serde = keySerde(of: name)
        return try await ask(name.name, partition, options) { store in
            guard let holding = try name.typed(store) as? any KeyHolding<Name.Key> else { return true }
            return try holding.holds(try serde.value(of: key))
        }.value
    }

    /// What the topic that restores the store shows about the key.
    private func historyReason(
        _ key: [UInt8], _ explanation: KeyExplanation, _ windowBytes: Int
    ) async throws -> Explanation.Reason? {
        guard let (plan, cluster) = planned else { return nil }
        let (store, isWindowed) = (explanation.store, windowBytes > 0)
        let partitions = plan.restoring(store, explanation.partition)
        guard !partitions.isEmpty else { return nil }
        let search = KeySearch(
            cluster: cluster, clientID: "\(names.applicationID)-explain", partitions: partitions, key: key,
            trailerBytes: windowBytes)
        let place = partitions.count == 1 ? "\(partitions[0])" : "'\(partitions[0].topic)'"
        guard let found = try await search.run() else {
            return Explanation.Reason(
                .keyNeverWritten,
                "there is no record of the key \(explanation.key) among the last \(KeySearch.depth) of \(place), from which "
                    + "'\(store)' is restored: no record of this key has reached the store, so check the key's spelling and the "
                    + "operators before the store", node: store, partition: partitions[0])
        }
        if found.isDeletion && !isWindowed {
            return Explanation.Reason(
                .keyDeleted,
                "the key \(explanation.key) was deleted from '\(store)': the record at offset \(found.offset) of "
                    + "\(found.partition), of \(found.time.text), has no value (a tombstone); write a value to restore it",
                node: store, partition: found.partition, since: found.time)
        }
        guard isWindowed else { return nil }
        return Explanation.Reason(
            .keyExpired,
            "the windows of the key \(explanation.key) have ended, and '\(store)' no longer keeps them: the last record of "
                + "\(found.partition) for it is of \(found.time.text); give the store a longer retention to query them later",
            node: store, partition: found.partition, since: found.time)
    }
}

extension StreamThreadPlan {
    /// The partitions that a store's partition is restored from; none if it cannot be restored.
    func restoring(_ store: String, _ partition: Partition?) -> [TopicPartition] {
        if let table = topology.globalTables.first(where: { $0.store.name == store }) {
            return (0..<(partitionCounts[table.topic] ?? 0)).map { TopicPartition(table.topic, $0) }
        }
        guard let partition else { return [] }
        if let source = topology.sourceChangelogs.first(where: { $0.store == store }) {
            return [TopicPartition(names.topic(source.topic), partition)]
        }
        let isLogged = topology.stores.contains { $0.name == store && $0.isLogged }
        return isLogged ? [TopicPartition(names.changelog(ofStore: store), partition)] : []
    }
}

extension StoreName {
    /// The bytes that follow the key in the store's changelog.
    fileprivate var windowBytes: Int {
        switch Store.self {
        case is any ReadableWindows.Type: Windowed<Key>.windowTrailerBytes
        case is SessionStore<Key, Value>.Type: Windowed<Key>.sessionTrailerBytes
        default: 0
        }
    }
}

extension ExplainedApplication {
    /// The drops upstream of a store with a sample of this key.
    fileprivate func dropReasons(before store: String, naming key: [UInt8], key text: String) -> [Explanation.Reason] {
        var nodes = topology.upstream(of: topology.users(ofStore: store), crossing: true)
        nodes.insert(store)
        for table in topology.globalTables where table.store.name == store {
            nodes.formUnion([table.sourceName, table.processorName])
        }
        let drops = accounts.flatMap(\.flow.drops).filter { nodes.contains($0.key.node) }
            .sorted { "\($0.key)" < "\($1.key)" }
        return drops.compactMap { drop, tally in
            guard let record = tally.samples.last(where: { $0.key == key }) else { return nil }
            return Explanation.Reason(
                .recordsDropped,
                "'\(drop.node)' dropped a record of the key \(text) (offset \(record.origin.offset) of "
                    + "\(record.origin.topic)-\(record.origin.partition)); such records are dropped because "
                    + "\(drop.reason.explanation): \(drop.reason.remedy)",
                node: drop.node,
                partition: TopicPartition(record.origin.topic, record.origin.partition), drop: drop.reason,
                count: tally.count, since: tally.first)
        }
    }
}

extension Explanation.Reason {
    fileprivate static func elsewhere(
        in found: Partition, expected: Partition, of store: String, key: String
    ) -> Self {
        Self(
            .keyInOtherPartition,
            "'\(store)' has the key \(key) in partition \(found), but its bytes belong to partition \(expected): the topic's "
                + "producer chooses partitions differently; let it use Kafka's default partitioner, or call repartition() on the stream",
            node: store, count: Int64(found.number))
    }

    fileprivate static func unreadable(_ store: String, because text: String) -> Self {
        Self(
            .keyOfWrongType,
            "'\(store)' could not be read with these types: \(text); ask with the name that the topology uses",
            node: store)
    }

    /// nil if the application's own reasons explain the error.
    fileprivate init?(_ error: QueryError) {
        switch error {
        case .elsewhere(let store, let task, let host):
            self.init(
                .keyElsewhere,
                "another process of the application has the key's task \(task)"
                    + (host.map { ": ask it at \($0)" }
                        ?? ": set applicationServer, so that each process tells where to ask it"),
                node: store, task: task)
        case .wrongType(let store, _, _): self = .unreadable(store, because: "\(error)")
        default: return nil
        }
    }
}
