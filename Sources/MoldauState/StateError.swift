import MoldauRecords

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#endif

/// Why a store refused. Each case holds the facts; `description` says what to do about them.
public enum StateError: Error, Equatable, CustomStringConvertible {
    /// Another process, or another task of this one, has the task's state open.
    case directoryInUse(path: String, message: String)
    /// Another application, in this process or in `holder`, works on the directory of the application's state.
    case locked(directory: String, holder: String)
    /// A directory for the state could not be made. `code` is the system's `errno`.
    case directoryNotCreated(path: String, code: Int32)
    /// RocksDB failed at `operation`, in its own words.
    case rocksDB(operation: String, path: String, message: String)
    /// A store that the user brought failed at `operation`, in its own words.
    case customStore(store: String, operation: String, message: String)
    /// What a store wrote about itself cannot be read.
    case malformedMetadata(store: String, reason: String)
    /// The store was closed before the call.
    case closed(store: String)
    /// A null key has no place in a store.
    case nullKey(store: String)
    /// Two stores of one task ask for the same name.
    case nameTaken(store: String)
    /// A store cannot have that name.
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
        case .customStore(let store, let operation, let message):
            "the custom store \(store) could not \(operation): \(message)"
        case .malformedMetadata(let store, let reason):
            "the metadata of store \(store) is damaged: \(reason); delete the task's state directory, and it is "
                + "restored from the changelog"
        case .closed(let store): "the store \(store) is closed"
        case .nullKey(let store): "a null key was given to the store \(store); filter such records out before it"
        case .nameTaken(let store): "two stores of a task are named \(store); give one of them another name"
        case .nameReserved(let store): "a store cannot be named \"\(store)\"; choose another name"
        }
    }
}
