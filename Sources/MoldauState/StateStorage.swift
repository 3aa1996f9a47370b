/// Where the stores of one task keep their bytes: RocksDB, or what a simulation puts in its place. Used by one thread.
package protocol StateStorage: AnyObject {
    /// The byte store of that name, made if it is not there.
    /// - Throws: `StateError.nameTaken` while another has it open.
    func byteStore(named name: String) throws(StateError) -> any ByteStore
    /// Gives up the storage; stores that are still open throw from now on.
    func close()
}
