/// The memory and file sizes of a store, and the hits of its write-back cache.
package struct StoreUsage: Sendable {
    /// The size of the cache.
    package var cachedBytes: Int
    /// The part of it that is not in the store's files.
    package var unsavedBytes: Int
    /// How often a read found its key in the cache.
    package var hits: Int
    /// How often a read had to access the store's files.
    package var misses: Int
    /// nil for a store without files.
    package var files: StoreFiles?
}
