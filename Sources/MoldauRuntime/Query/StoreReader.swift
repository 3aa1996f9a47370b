import MoldauRecords
import MoldauState
import MoldauTopology

/// Reads a store of a running application from outside, typed by the store's name: Kafka's interactive queries.
///
/// ```swift
/// let counts = try app.store(wordCounts)
/// let answer = try await counts.get("ada")
/// print(answer.value?.value ?? 0)
/// ```
/// May be used by many tasks at a time. A query runs on the stream thread that runs the key's task, between two batches
/// of records; it never blocks a thread of Swift's pool. Calls throw `QueryError`, `StateError` and the errors of the
/// serdes.
public struct StoreReader<Name: StoreName>: Sendable where Name.Key: Sendable, Name.Value: Sendable {
    /// How queries are answered; may be changed before each query.
    public var options: QueryOptions
    let name: Name
    let engine: StreamsEngine

    /// - Throws: `QueryError.unknownStore`, `.wrongType`.
    package init(_ name: Name, of engine: StreamsEngine, _ options: QueryOptions) throws(QueryError) {
        (self.name, self.engine, self.options) = (name, engine, options)
        try engine.requireStore(name)
    }

    /// Queries the task of a key.
    func ask<Answer: Sendable>(
        _ key: Name.Key, _ read: @escaping @Sendable (Name.Store) throws -> Answer
    ) async throws -> QueryAnswer<Answer> {
        try await ask(try await partition(of: key), read)
    }

    /// Queries the task of a partition.
    func ask<Answer: Sendable>(
        _ partition: Partition, _ read: @escaping @Sendable (Name.Store) throws -> Answer
    ) async throws -> QueryAnswer<Answer> {
        try await engine.ask(name.name, partition, options) { [name] in try read(name.typed($0)) }
    }

    /// The partition of the options, or the one that Kafka's producers choose for a key.
    func partition(of key: Name.Key) async throws -> Partition {
        try await engine.partition(ofKey: try engine.bytes(of: key, in: name), in: name, options)
    }

    /// Queries the task of a key for entries.
    func list<Key: Sendable, Row: Sendable>(
        _ key: Name.Key, _ request: StorePageRequest,
        _ scan: @escaping @Sendable (Name.Store) throws -> StoreIterator<Key, Row>
    ) async throws -> QueryAnswer<StorePage<Key, Row>> {
        let partition = try await partition(of: key)
        return try await list(in: [partition], request, scan)
    }

    /// Queries all tasks for entries, or the one of `options.partition`.
    func list<Key: Sendable, Row: Sendable>(
        _ request: StorePageRequest, _ scan: @escaping @Sendable (Name.Store) throws -> StoreIterator<Key, Row>
    ) async throws -> QueryAnswer<StorePage<Key, Row>> {
        try await list(in: try await engine.partitions(of: name.name, options), request, scan)
    }

    private func list<Key: Sendable, Row: Sendable>(
        in partitions: [Partition], _ request: StorePageRequest,
        _ scan: @escaping @Sendable (Name.Store) throws -> StoreIterator<Key, Row>
    ) async throws -> QueryAnswer<StorePage<Key, Row>> {
        try await engine.list(name.name, in: partitions, options, request) { [name] store, count in
            try StorePageMerge.slice(of: scan(name.typed(store)), atMost: count) { StoreEntry(key: $0, row: $1) }
        }
    }
}

extension StoreName {
    /// Casts a store to the name's type; called on the store's thread.
    package func typed(_ store: any StateStore) throws(QueryError) -> Store {
        guard let typed = store as? Store else {
            throw .wrongType(store: store.name, expected: "\(Store.self)", found: "\(type(of: store))")
        }
        return typed
    }
}
