/// Where the stores of one task keep their bytes: RocksDB, or a simulation of it. Used by one thread.
package protocol StateStorage: AnyObject {
    /// The byte store with that name; created if it does not exist.
    /// - Throws: `StateError.nameTaken` if it is open already.
    func byteStore(named name: String) throws(StateError) -> any ByteStore
    /// Closes the storage; stores that are still open throw from now on.
    func close()
}
