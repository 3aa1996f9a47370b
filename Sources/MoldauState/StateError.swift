import MoldauRecords

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#endif

/// Why a store operation failed. Each case holds the facts; `description` says what to do about them.
public enum StateError: Error, Equatable, CustomStringConvertible {
    /// Another process, or another task of this one, has opened the task's state.
    case directoryInUse(path: String, message: String)
    /// Another application, in this process or in `holder`, uses the application's state directory.
    case locked(directory: String, holder: String)
    /// A directory for the state could not be created. `code` is the system's `errno`.
    case directoryNotCreated(path: String, code: Int32)
    /// RocksDB failed at `operation`; `message` is its own.
    case rocksDB(operation: String, path: String, message: String)
    /// There is no disk space for the state now. Nothing was stored, and the write may be retried; the thread also
    /// waits if a custom store throws this.
    case noSpace(place: String, message: String)
    /// A custom store failed at `operation`; `message` is its own.
    case customStore(store: String, operation: String, message: String)
    /// A store's metadata cannot be decoded.
    case malformedMetadata(store: String, reason: String)
    /// The stored data has another form than the topology's store, and cannot be read as that form.
    case changed(store: String, directory: String, was: String, wanted: String)
    /// Bytes in the store are not what a store of its kind writes.
    case damaged(store: String, reason: String)
    /// The store was closed before the call.
    case closed(store: String)
    /// A store cannot hold a null key.
    case nullKey(store: String)
    /// A processor has written to a global store that it does not maintain.
    case readOnly(store: String)
    /// Two stores of one task have the same name.
    case nameTaken(store: String)
    /// The name is reserved.
    case nameReserved(store: String)

    public var description: String {
        switch self {
        case .directoryInUse(let path, let message):
            "the state in \(path) is in use by another process or task; stop it, or choose another state directory "
                + "(RocksDB: \(message))"
        case .locked(let directory, let holder):
            "the application's state in \(directory) is in use by \(holder); stop that first, or choose another id or state "
                + "directory"
        case .directoryNotCreated(let path, let code):
            "the state directory \(path) could not be created: \(String(cString: strerror(code))); let the user that runs this "
                + "program write there, or choose another directory"
        case .rocksDB(let operation, let path, let message):
            "RocksDB could not \(operation) in \(path): \(message)"
                + (message.contains("Too many open files")
                    ? "; let the process open more files ('ulimit -n'), or lower RocksDBOptions.maxOpenFiles" : "")
        case .noSpace(let place, let message):
            "there is no room for the state in \(place) (\(message)); free space on its disk, and processing continues"
        case .customStore(let store, let operation, let message):
            "the custom store \(store) could not \(operation): \(message)"
        case .malformedMetadata(let store, let reason):
            "the metadata of store \(store) is damaged: \(reason); delete the task's state directory, so that "
                + "the store is restored from its changelog"
        case .changed(let store, let directory, let was, let wanted):
            "the state in \(directory) has the store \(store) as \(was), but the topology has it as \(wanted), which "
                + "cannot read it; keep the definition that the store was created with, give the new store another name, "
                + "or delete the application's state directory and the store's changelog topic to begin with an empty "
                + "store"
        case .damaged(let store, let reason):
            "the store \(store) holds bytes that are not its own: \(reason); delete the application's state directory, so "
                + "that the store is restored from its changelog"
        case .closed(let store): "the store \(store) is closed"
        case .nullKey(let store): "a null key was given to the store \(store); filter such records out before it"
        case .readOnly(let store):
            "a processor has written to the store \(store), which only the records of its topic change; write to that "
                + "topic instead"
        case .nameTaken(let store): "two stores of a task are named \(store); give one of them another name"
        case .nameReserved(let store): "a store cannot be named \"\(store)\"; choose another name"
        }
    }
}
