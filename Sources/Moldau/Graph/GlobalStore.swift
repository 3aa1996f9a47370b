import MoldauRecords
import MoldauState
import MoldauTopology

extension StreamsBuilder {
    /// Adds a store that a custom processor fills from a topic, and of which every stream thread holds a full copy.
    ///
    /// ```swift
    /// final class Lengths: Processor {
    ///     static let lengths = KeyValueStoreName<String, Int>("lengths")
    ///     private var lengths: KeyValueStore<String, Int>?
    ///
    ///     func start(_ context: ProcessorContext<Never, Never>) throws { lengths = try context.store(Self.lengths) }
    ///     func process(_ record: Record<String, String>) throws { try lengths?.put(record.key, record.value.count) }
    /// }
    /// streams.addGlobalStore(StoreDefinition(Lengths.lengths), from: shouted) { Lengths() }
    ///
    /// let known = customers.transformValues { context in
    ///     let lengths = try context.store(Lengths.lengths)
    ///     return { name, city in try lengths.get(name).map { "\(city ?? "") \($0)" } }
    /// }
    /// // shouted: ada=HELLO
    /// // customers: ada=Prague, bob=Brno
    /// // known: ada=Prague 5, bob=nil
    /// ```
    /// The topic is read to its end before any records are processed; afterwards its records are applied as they
    /// arrive, whatever their timestamps. The processor may change the store, and forwards nothing. Every node of the
    /// topology may read the store without being connected to it. There is no changelog: if the disk is lost, the
    /// processor fills the store again from the topic. Records without a key are dropped (counted).
    /// - Parameters:
    ///   - name: the processor's name in descriptions; the source's name is this one with `-source` appended.
    ///   - make: makes the processor of one stream thread; must return a new one each time.
    ///   - store: the store that the processor writes to.
    ///   - topic: the topic, which every thread reads completely.
    ///   - timestamps: extracts the timestamps of records.
    public func addGlobalStore<Key, Value, Made: Processor & SendableMetatype>(
        _ store: StoreDefinition, from topic: Topic<Key, Value>, named name: String? = nil,
        timestamps: TimestampExtractor<Key?, Value>? = nil, _ make: @escaping @Sendable () throws -> Made
    ) where Made.KeyIn == Key, Made.ValueIn == Value, Made.KeyOut == Never, Made.ValueOut == Never {
        addGlobal(
            store, named: name, topic: topic.name, key: topic.key, value: topic.value, timestamps: timestamps
        ) { context in try context.inlet(of: try make()) }
    }
}
