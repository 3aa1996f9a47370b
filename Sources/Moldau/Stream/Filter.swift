import MoldauRecords
import MoldauTopology

extension KStream {
    /// Keeps the records that satisfy `isIncluded`.
    ///
    /// ```swift
    /// let large = orders.filter { _, order in order.amount > 100 }
    /// // orders: o1=ada 120, o2=bob 30
    /// // large: o1=ada 120
    /// ```
    @inlinable public func filter(
        named name: String? = nil, _ isIncluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> KStream<Key, Value> {
        adding(.filter, named: name, prefix: "KSTREAM-FILTER-") { context in
            let (forward, passed) = (try context.next(Key.self, Value.self).receiveParts, context.counting())
            return Inlet(parts: { key, value, timestamp, headers in
                let keeps: Bool
                do { keeps = try isIncluded(key, value) } catch { return try context.failed(error) }
                guard keeps else { return }
                passed.add()
                try forward(key, value, timestamp, headers)
            })
        }
    }

    /// Keeps the records that do not satisfy `isExcluded`.
    ///
    /// ```swift
    /// let others = orders.filterNot { _, order in order.customer == "ada" }
    /// // orders: o1=ada 120, o2=bob 30
    /// // others: o2=bob 30
    /// ```
    @inlinable public func filterNot(
        named name: String? = nil, _ isExcluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> KStream<Key, Value> {
        filter(named: name) { try !isExcluded($0, $1) }
    }
}
