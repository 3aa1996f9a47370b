import MoldauTopology

/// The partitions of the rows of two tables that are joined by a foreign key. Not needed if the topics were partitioned
/// by the hash of their keys, as producers do by default.
///
/// ```swift
/// let byLength = TablePartitioners<String, String>(
///     right: { _, customer, _, count in [Partition(Int32(customer.count) % count)] })
/// let shipments = openOrders.join(customers, on: \.customer, partitioners: byLength) { order, city in
///     "\(order.amount) to \(city)"
/// }
/// // customers: ada=Prague
/// // openOrders: o1=ada 120
/// // shipments: o1=120 to Prague
/// ```
public struct TablePartitioners<Key, OtherKey>: Sendable {
    /// The partitioner of the table whose rows refer to others; nil sends answers to the partition that asked.
    public var left: StreamPartitioner<Key, Void>?
    /// The partitioner of the table that is referred to; nil for the hash of the key.
    public var right: StreamPartitioner<OtherKey, Void>?

    /// Each partitioner returns one partition, or nil for the default.
    public init(left: StreamPartitioner<Key, Void>? = nil, right: StreamPartitioner<OtherKey, Void>? = nil) {
        (self.left, self.right) = (left, right)
    }
}
