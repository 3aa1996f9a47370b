public import MoldauRecords

/// Why the log refused, or failed. Each case holds the facts.
public enum LogError: Error, Equatable, CustomStringConvertible {
    /// The partition does not hold `requested`.
    case offsetOutOfRange(requested: Offset, held: Range<Offset>)
    /// What was to be appended is no whole record batch, or a damaged one.
    case invalidBatch(RecordBatchError)
    case batchTooLarge(bytes: Int, limit: Int)
    /// A topic's setting that cannot be read.
    case invalidConfiguration(key: String, value: String)
    /// A call to the operating system failed; `code` is its errno.
    case io(operation: String, path: String, code: Int32, reason: String)
    /// A sync failed earlier: what is on disk is unknown, so nothing is written any more.
    case offline(reason: String)
    /// Another process works on the data directory.
    case locked(directory: String, holder: String)
    /// A file that the broker keeps beside the logs cannot be read.
    case damagedFile(path: String, reason: String)

    public var description: String {
        switch self {
        case .offsetOutOfRange(let requested, let held):
            "offset \(requested) is not held; \(held.lowerBound) up to, not including, \(held.upperBound) is"
        case .invalidBatch(let error): "not a valid record batch: \(error)"
        case .batchTooLarge(let bytes, let limit): "a batch of \(bytes) bytes is over the limit of \(limit)"
        case .invalidConfiguration(let key, let value): "'\(value)' is no value for \(key)"
        case .io(let operation, let path, _, let reason): "\(operation) of '\(path)' failed: \(reason)"
        case .offline(let reason):
            "the log is offline since a failed sync: \(reason); restart to recover what is on disk"
        case .locked(let directory, let holder):
            "the data directory '\(directory)' is in use by \(holder); stop it first, or choose another directory"
        case .damagedFile(let path, let reason): "'\(path)' is damaged: \(reason)"
        }
    }
}
