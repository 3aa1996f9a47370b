import MoldauRecords
import MoldauState

/// An operator's internal store that keeps its entries in a key-value store, which implements most of `StateStore`.
protocol KeyValueBackedStore: CacheBackedStore {
    associatedtype RowKey
    associatedtype Row

    var rows: KeyValueStore<RowKey, Row> { get }
}

extension KeyValueBackedStore {
    package var cache: CachedByteStore { rows.cache }

    func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws { try rows.drainChanges(into: body) }

    func restore(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp) throws {
        try rows.restore(key: key, value: value, timestamp: timestamp)
    }
}
