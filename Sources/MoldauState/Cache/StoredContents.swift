/// Reads the stores of a task from disk, for checks.
package enum StoredContents {
    /// The entries of each store, by the store's name, without the stores' metadata. The directory must not be open
    /// elsewhere.
    /// - Throws: `StateError`.
    package static func read(
        directory: String, memory: StateMemory
    ) throws(StateError) -> [String: [[UInt8]: [UInt8]]] {
        let database = try TaskDatabase(directory: directory, memory: memory, settings: RocksDBOptions())
        defer { database.close() }
        var contents: [String: [[UInt8]: [UInt8]]] = [:]
        for name in database.storeNames {
            let cursor = try database.store(named: name).cursor(.all, reverse: false)
            var entries: [[UInt8]: [UInt8]] = [:]
            while let key = cursor.key {
                entries[Array(key)] = Array(cursor.value)
                try cursor.advance()
            }
            contents[name] = entries
        }
        return contents
    }
}
