import MoldauRecords

/// A store that keeps its entries in a key-value store, which implements most of `StateStore`.
@usableFromInline
package protocol KeyValueBackedStore: CacheBackedStore {
    /// The keys of the entries.
    associatedtype RowKey
    /// The values of the entries.
    associatedtype Row

    /// The entries.
    var rows: KeyValueStore<RowKey, Row> { get }
}

extension KeyValueBackedStore {
    @usableFromInline package var cache: CachedByteStore { rows.cache }

    @usableFromInline package func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws { try rows.drainChanges(into: body) }

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp
    ) throws {
        try rows.restore(key: key, value: value, timestamp: timestamp)
    }
}
