import MoldauRecords
import MoldauTopology

extension KStream {
    /// Keeps the records that satisfy `isIncluded`.
    ///
    /// ```swift
    /// orders.filter { _, order in order.amount > 100 }
    /// ```
    @inlinable public func filter(
        named name: String? = nil, _ isIncluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> KStream<Key, Value> {
        adding(named: name, prefix: "KSTREAM-FILTER-") { context in
            let forward = try context.next(Key.self, Value.self).receive
            return Inlet { record in
                let keeps: Bool
                do { keeps = try isIncluded(record.key, record.value) } catch { return try context.failed(error) }
                if keeps { try forward(record) }
            }
        }
    }

    /// Keeps the records that do not satisfy `isExcluded`.
    @inlinable public func filterNot(
        named name: String? = nil, _ isExcluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> KStream<Key, Value> {
        filter(named: name) { try !isExcluded($0, $1) }
    }
}
