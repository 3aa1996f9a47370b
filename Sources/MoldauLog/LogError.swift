public import MoldauRecords

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Why the log refused a request, or failed. Each case holds the facts.
public enum LogError: Error, Equatable, CustomStringConvertible {
    /// The partition does not hold `requested`.
    case offsetOutOfRange(requested: Offset, held: Range<Offset>)
    /// The bytes to append are not a whole record batch, or a damaged one.
    case invalidBatch(RecordBatchError)
    /// The batch takes more bytes than the topic accepts: see its setting `max.message.bytes`.
    case batchTooLarge(bytes: Int, limit: Int)
    /// The batch is a transaction marker, which only the transaction coordinator may append.
    case controlBatch
    /// The topic is compacted, which needs keys, and this record of the batch (counted from 0) has none.
    case nullKey(record: Int)
    /// The record of the batch (counted from 0) has a timestamp that the topic does not currently accept.
    case timestampOutOfBounds(record: Int, time: Timestamp, allowed: ClosedRange<Timestamp>)
    /// A client must send one record batch for a partition, and nothing else.
    case notOneBatch(size: Int, sent: Int)
    /// The producer has been fenced by a newer one with the same id.
    case producerFenced(id: Int64, epoch: Int16, current: Int16)
    /// The batch does not follow the producer's last one: a batch in between is missing.
    case outOfOrderSequence(producer: Int64, expected: Int32, got: Int32)
    /// The partition's limit of known producers is reached: those that have not written for a while expire.
    case tooManyProducers(limit: Int)
    /// A topic's setting has a value that cannot be parsed.
    case invalidConfiguration(key: String, value: String)
    /// A call to the operating system failed; `code` is its errno.
    case io(operation: String, path: String, code: Int32, reason: String)
    /// An earlier sync failed: what is on disk is unknown, so all writes are refused.
    case offline(reason: String)
    /// Another process holds the lock on the data directory.
    case locked(directory: String, holder: String)
    /// The data directory is a copy that was made while a program was writing to the original, so its files are from
    /// different moments. `was` and `is` are the directories' numbers.
    case copiedWhileOpen(directory: String, was: Int64, is: Int64)
    /// A file that the broker stores beside the logs is damaged.
    case damagedFile(path: String, reason: String)

    /// Bytes of a segment are not those that were written: the disk or another program has changed them.
    case damagedRecords(path: String, bytes: Range<Int>)
    /// Records that were durable are missing or incomplete. The partition is neither read nor written.
    case missingRecords(directory: String, durableEnd: Offset, foundEnd: Offset)
    /// A partition's directory belongs to another topic, one that was deleted or recreated. It is neither read nor
    /// written.
    case foreignRecords(directory: String, held: TopicID, expected: TopicID)

    /// Whether the disk was full or the quota used up; space can be freed.
    package var isDiskFull: Bool {
        guard case .io(let operation, _, let code, _) = self, operation != "sync" else { return false }
        return code == ENOSPC || code == EDQUOT
    }

    /// Whether bytes are damaged: acknowledged records that are lost, or a batch that no reader can read. Only their
    /// partition is affected.
    package var isDamage: Bool {
        if case .invalidBatch = self { return true }
        return isLoss
    }

    /// Whether a batch was refused because of the content of its records.
    package var isRefusal: Bool {
        switch self {
        case .controlBatch, .nullKey, .timestampOutOfBounds, .notOneBatch: true
        default: false
        }
    }

    /// Whether a partition has lost records, so that only this partition is closed.
    package var isLoss: Bool {
        switch self {
        case .damagedRecords, .missingRecords, .foreignRecords: true
        default: false
        }
    }

    /// What to do about an error of the operating system; empty if the system's own message is sufficient.
    private static func advice(_ code: Int32) -> String {
        switch code {
        case EACCES, EPERM: "; let the user that runs this program write there, or choose another directory"
        case EROFS: "; choose a directory on a writable file system"
        case ENOTDIR, EEXIST: "; there is a file where a directory is needed: choose another path"
        case ENOSPC, EDQUOT: "; free some space there"
        case EMFILE, ENFILE: "; allow the process to open more files ('ulimit -n')"
        default: ""
        }
    }

    public var description: String {
        switch self {
        case .offsetOutOfRange(let requested, let held):
            "offset \(requested) is not held; those held are \(held.lowerBound) up to, not including, \(held.upperBound)"
        case .invalidBatch(let error): "not a valid record batch: \(error)"
        case .batchTooLarge(let bytes, let limit): "a batch of \(bytes) bytes is over the limit of \(limit)"
        case .controlBatch: "a client cannot write control batches: only the broker ends transactions"
        case .nullKey(let record):
            "the topic is compacted, and record \(record) of the batch (counted from 0) has a null key: give it a key, or "
                + "remove 'compact' from the topic's cleanup.policy"
        case .timestampOutOfBounds(let record, let time, let allowed):
            "record \(record) of the batch (counted from 0) has the timestamp \(time.ms), but the topic now accepts only "
                + "those from \(allowed.lowerBound.ms) to \(allowed.upperBound.ms) (message.timestamp.before.max.ms and "
                + "message.timestamp.after.max.ms)"
        case .notOneBatch(let size, let sent):
            "exactly one record batch must be sent for a partition: \(sent) bytes were sent, and the first batch has \(size)"
        case .producerFenced(let id, let epoch, let current):
            "the producer \(id) of epoch \(epoch) was replaced by one of epoch \(current)"
        case .outOfOrderSequence(let producer, let expected, let got):
            "the producer \(producer) sent sequence number \(got) where \(expected) was expected"
        case .tooManyProducers(let limit):
            "the partition remembers \(limit) producers, and accepts no more: reuse producers instead of creating new ones"
        case .invalidConfiguration(let key, let value): "'\(value)' is not a valid value of \(key)"
        case .io(let operation, let path, let code, let reason):
            "\(operation) of '\(path)' failed: \(reason)\(Self.advice(code))"
        case .offline(let reason):
            "the log has been offline since a sync failed: \(reason); restart to recover what is on disk"
        case .locked(let directory, let holder):
            "the data directory '\(directory)' is in use by \(holder); stop it first, or choose another directory"
        case .copiedWhileOpen(let directory, _, _):
            "the data directory '\(directory)' was copied while a program was writing to it, or after one had crashed; its "
                + "files may come from different moments. Stop the program, and copy the directory again together with the state; "
                + "or, if nothing was writing when it was copied, remove '\(directory)/directory-number'"
        case .damagedFile(let path, let reason): "'\(path)' is damaged: \(reason)"
        case .damagedRecords(let path, let bytes):
            "the bytes from \(bytes.lowerBound) up to \(bytes.upperBound) of '\(path)' have changed since they were "
                + "written; restore the file from a copy, or leave them out with 'moldau repair'"
        case .missingRecords(let directory, let durableEnd, let foundEnd):
            "'\(directory)' held records up to offset \(durableEnd), but only those up to \(foundEnd) can be read; "
                + "restore its files from a copy, or accept the loss with 'moldau repair'"
        case .foreignRecords(let directory, let held, let expected):
            "'\(directory)' holds records of the topic with the id \(held), but the topic of that name has the id \(expected); "
                + "move the directory away, or, if the records belong to the topic, only its file partition.metadata"
        }
    }
}
