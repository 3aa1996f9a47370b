import MoldauRecords
import MoldauState
import MoldauTopology

extension KStream {
    /// Processes the stream with a custom processor, one instance per task. A later operator that needs equal keys
    /// together repartitions first.
    ///
    /// No repartition precedes it: a processor sees the records of its task, which need not be all records of a key if
    /// the key was changed upstream. Call `repartition()` first if its stores need them all; without it the topology
    /// has a warning.
    ///
    /// ```swift
    /// final class Changes: Processor {
    ///     static let last = KeyValueStoreName<String, String>("last")
    ///     private var context: ProcessorContext<String, String>?
    ///     private var last: KeyValueStore<String, String>?
    ///
    ///     func start(_ context: ProcessorContext<String, String>) throws {
    ///         self.context = context
    ///         last = try context.store(Self.last)
    ///     }
    ///
    ///     func process(_ record: Record<String, String>) throws {
    ///         guard try last?.get(record.key) != record.value else { return }
    ///         try last?.put(record.key, record.value)
    ///         try context?.forward(record)
    ///     }
    /// }
    /// streams.addStore(StoreDefinition(Changes.last))
    /// let changes = clicks.process(stores: [Changes.last]) { Changes() }
    /// // clicks: ada=/home, ada=/home, ada=/shop
    /// // changes: ada=/home, ada=/shop
    /// ```
    /// - Parameters:
    ///   - stores: the stores that it uses in addition to its own: those added with `addStore`, and those of tables.
    ///   - make: makes the processor of one task; must return a new one each time.
    ///   - given: the operator's name in descriptions and metrics; nil generates one.
    public func process<Made: Processor & SendableMetatype>(
        named given: String? = nil, stores: [any StoreName] = [], _ make: @escaping @Sendable () throws -> Made
    ) -> KStream<Made.KeyOut, Made.ValueOut> where Made.KeyIn == Key, Made.ValueIn == Value {
        processing(named: given, prefix: "KSTREAM-PROCESSOR-", stores: stores, changesKey: true, make)
    }

    /// As `process`, for a processor that keeps each record's key: no repartition follows because of it.
    ///
    /// ```swift
    /// final class Numbered: Processor {
    ///     static let counts = KeyValueStoreName<String, Int>("numbered")
    ///     static let storeDefinitions = [StoreDefinition(counts)]
    ///     private var context: ProcessorContext<String, String>?
    ///     private var counts: KeyValueStore<String, Int>?
    ///
    ///     func start(_ context: ProcessorContext<String, String>) throws {
    ///         (self.context, counts) = (context, try context.store(Self.counts))
    ///     }
    ///
    ///     func process(_ record: Record<String, String>) throws {
    ///         let number = try counts?.update(record.key) { ($0 ?? 0) + 1 }.new ?? 0
    ///         try context?.forward(record.with(value: "\(number) \(record.value)"))
    ///     }
    /// }
    /// let visits = clicks.processValues { Numbered() }
    /// // clicks: ada=/home, ada=/shop, bob=/home
    /// // visits: ada=1 /home, ada=2 /shop, bob=1 /home
    /// ```
    public func processValues<Made: Processor & SendableMetatype>(
        named given: String? = nil, stores: [any StoreName] = [], _ make: @escaping @Sendable () throws -> Made
    ) -> KStream<Key, Made.ValueOut> where Made.KeyIn == Key, Made.ValueIn == Value, Made.KeyOut == Key {
        processing(named: given, prefix: "KSTREAM-PROCESSVALUES-", stores: stores, changesKey: false, make)
    }

    private func processing<Made: Processor & SendableMetatype>(
        named given: String?, prefix: String, stores: [any StoreName], changesKey: Bool,
        _ make: @escaping @Sendable () throws -> Made
    ) -> KStream<Made.KeyOut, Made.ValueOut> where Made.KeyIn == Key, Made.ValueIn == Value {
        // A given name consumes no number here, as in Kafka Streams.
        let name = given.map { builder.checked($0) } ?? builder.name(nil, prefix)
        builder.addStores(of: Made.self)
        let stores = stores.map(\.name) + Made.storeDefinitions.map(\.name)
        if isKeyChanged, !stores.isEmpty {
            builder.warnings.append(.storesBehindKeyChange(node: name, stores: stores))
        }
        return adding(
            changesKey ? .process : .processValues, named: name, stores: stores, changesKey: changesKey,
            changesValue: true
        ) { context in
            try context.inlet(of: try make())
        }
    }
}
