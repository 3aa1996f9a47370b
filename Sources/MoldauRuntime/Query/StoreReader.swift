import MoldauRecords
import MoldauState
import MoldauTopology

/// Reads a store of a running application from outside, typed by the store's name: Kafka's interactive queries.
///
/// ```swift
/// let counts = try app.table(wordCounts)
/// let answer = try await counts.get("ada")
/// print(answer.value?.value ?? 0)
/// ```
/// May be used by many tasks at a time. A query runs on the stream thread that works on the key's task, between two
/// batches of records; it never blocks a thread of Swift's pool. Calls throw `QueryError`, `StateError` and the errors
/// of the serdes.
public struct StoreReader<Name: StoreName>: Sendable where Name.Key: Sendable, Name.Value: Sendable {
    /// How queries are answered; each may be changed before it is made.
    public var options: QueryOptions
    let name: Name
    let engine: StreamsEngine

    /// - Throws: `QueryError.unknownStore`.
    package init(_ name: Name, of engine: StreamsEngine, _ options: QueryOptions) throws(QueryError) {
        (self.name, self.engine, self.options) = (name, engine, options)
        try engine.requireStore(name.name)
    }

    /// The store of that type, on its thread.
    static func typed(_ store: any StateStore) throws(QueryError) -> Name.Store {
        guard let typed = store as? Name.Store else {
            throw .wrongType(store: store.name, expected: "\(Name.Store.self)", found: "\(type(of: store))")
        }
        return typed
    }

    /// Asks the task of a key.
    func ask<Answer: Sendable>(
        _ key: Name.Key, _ read: @escaping @Sendable (Name.Store) throws -> Answer
    ) async throws -> QueryAnswer<Answer> {
        let partition = try await partition(of: key)
        return try await engine.ask(name.name, partition, options) { try read(Self.typed($0)) }
    }

    /// The partition of the options, or the one that Kafka's producers choose for a key.
    func partition(of key: Name.Key) async throws -> Partition {
        if let partition = options.partition { return partition }
        let count = try await engine.placement(of: name.name, options).tasks.count
        if count <= 1 { return Partition(0) }
        // The window of a windowed key does not decide about its partition.
        return try bytes(of: key).dropLast(name.key.trailerBytes).withUnsafeBytes {
            Partitioner.partition(ofKey: $0, count: Int32(count))
        }
    }

    /// The key as it is in the store and its changelog.
    func bytes(of key: Name.Key) throws -> [UInt8] {
        try name.key.at(engine.names.changelog(ofStore: name.name), .key).bytes(of: key)
    }

    /// Asks the task of a key for entries.
    func list<Key: Sendable, Row: Sendable>(
        _ key: Name.Key, _ request: StorePageRequest,
        _ scan: @escaping @Sendable (Name.Store) throws -> StoreIterator<Key, Row>
    ) async throws -> QueryAnswer<StorePage<Key, Row>> {
        let partition = try await partition(of: key)
        return try await list(in: [partition], request, scan)
    }

    /// Asks all tasks for entries, or the one of `options.partition`.
    func list<Key: Sendable, Row: Sendable>(
        _ request: StorePageRequest, _ scan: @escaping @Sendable (Name.Store) throws -> StoreIterator<Key, Row>
    ) async throws -> QueryAnswer<StorePage<Key, Row>> {
        if let partition = options.partition { return try await list(in: [partition], request, scan) }
        let partitions = try await engine.placement(of: name.name, options).tasks.map(\.partition)
        return try await list(in: partitions.isEmpty ? [Partition(0)] : partitions, request, scan)
    }

    private func list<Key: Sendable, Row: Sendable>(
        in partitions: [Partition], _ request: StorePageRequest,
        _ scan: @escaping @Sendable (Name.Store) throws -> StoreIterator<Key, Row>
    ) async throws -> QueryAnswer<StorePage<Key, Row>> {
        var merge = StorePageMerge<Key, Row>(partitions, request)
        var answer = QueryAnswer(())
        while let (partition, place, count) = merge.wanted {
            let part = try await engine.ask(name.name, partition, options, after: place) { store in
                let iterator = try scan(Self.typed(store))
                var entries: [StorePageMerge<Key, Row>.Placed] = []
                while entries.count < count, let (key, row) = try iterator.next() {
                    entries.append((iterator.place, StoreEntry(key: key, row: row)))
                }
                return entries
            }
            answer.add(part)
            merge.take(part.value, from: partition)
        }
        return answer.with(merge.page)
    }
}
