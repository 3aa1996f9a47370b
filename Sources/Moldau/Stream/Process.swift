import MoldauRecords
import MoldauTopology

extension KStream {
    /// Hands the stream to a processor of one's own, one instance per task. What follows by key repartitions first.
    ///
    /// Nothing is repartitioned before it: a processor sees the records of its task, which need not be all of a key if the
    /// key was changed upstream. Call `repartition()` where its stores need them all; without it the topology has a
    /// warning.
    /// - Parameters:
    ///   - stores: the names of the stores that it uses; add them with `addStore` or use a table's.
    ///   - make: makes the processor of one task; must return a new one each time.
    public func process<Made: Processor & SendableMetatype>(
        named given: String? = nil, stores: [String] = [], _ make: @escaping @Sendable () throws -> Made
    ) -> KStream<Made.KeyOut, Made.ValueOut> where Made.KeyIn == Key, Made.ValueIn == Value {
        processing(named: given, prefix: "KSTREAM-PROCESSOR-", stores: stores, changesKey: true, make)
    }

    /// As `process`, for a processor that keeps each record's key: nothing is repartitioned because of it.
    public func processValues<Made: Processor & SendableMetatype>(
        named given: String? = nil, stores: [String] = [], _ make: @escaping @Sendable () throws -> Made
    ) -> KStream<Key, Made.ValueOut> where Made.KeyIn == Key, Made.ValueIn == Value, Made.KeyOut == Key {
        processing(named: given, prefix: "KSTREAM-PROCESSVALUES-", stores: stores, changesKey: false, make)
    }

    private func processing<Made: Processor & SendableMetatype>(
        named given: String?, prefix: String, stores: [String], changesKey: Bool,
        _ make: @escaping @Sendable () throws -> Made
    ) -> KStream<Made.KeyOut, Made.ValueOut> where Made.KeyIn == Key, Made.ValueIn == Value {
        // A given name uses up no number here, as in Kafka Streams.
        let name = given.map { builder.checked($0) } ?? builder.name(nil, prefix)
        if isKeyChanged, !stores.isEmpty {
            builder.warnings.append(.storesBehindKeyChange(node: name, stores: stores))
        }
        return adding(named: name, stores: stores, changesKey: changesKey, changesValue: true) { context in
            let processor = try make()
            let processorContext = try ProcessorContext<Made.KeyOut, Made.ValueOut>(context)
            try processor.start(processorContext)
            context.task.onClose { try processor.close() }
            return Inlet { record in
                do { try processor.process(record) } catch { try context.failed(error) }
            }
        }
    }
}
