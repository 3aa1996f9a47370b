/// What a store uses, and what its write-back cache saves.
package struct StoreUsage: Sendable {
    /// All bytes of the cache.
    package var cachedBytes: Int
    /// The part of them that is not in the store's files.
    package var unsavedBytes: Int
    /// How often a key that was read was in the cache.
    package var hits: Int
    /// How often the store's files had to be asked for one.
    package var misses: Int
    /// nil for a store without files.
    package var files: StoreFiles?
}
