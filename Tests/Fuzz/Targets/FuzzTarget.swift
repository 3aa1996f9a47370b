import MoldauLog
import MoldauRecords

/// What the fuzzer feeds with arbitrary bytes. None of them may crash, hang, or change what must stay.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// Record batches: headers, records, records' headers, and what compaction makes of them.
    case batches
    /// The last segment of a log after a crash.
    case segment
    /// The indexes and checksums beside a closed segment.
    case index
    /// A log's snapshot of its producers.
    case snapshot
    /// The broker's journal of what is durable.
    case journal
    /// Records of the broker's own topics: transactions, and offsets of groups.
    case records
    /// Batches that a client appends.
    case append
    /// Compressed bytes, and compressed batches that a client appends.
    case compressed
    /// A partition with any content that is repaired.
    case repair
    /// Messages of Kafka's protocol.
    case messages
    /// Frames that a client sends to a server.
    case requests
    /// Times, offsets, timeouts and clocks at the limits of their numbers, in the calls of a broker.
    case values

    /// Runs one input.
    /// - Throws: `FuzzFinding` if an answer is wrong. Errors that say what is wrong with the input are correct answers.
    package func run(_ input: [UInt8]) throws {
        switch self {
        case .batches: fuzzBatches(input)
        case .segment: try fuzzSegment(input)
        case .index: try fuzzIndex(input)
        case .snapshot: try fuzzSnapshot(input)
        case .journal: try fuzzJournal(input)
        case .records: try fuzzRecords(input)
        case .append: try fuzzAppend(input)
        case .compressed: try fuzzCompressed(input)
        case .repair: try fuzzRepair(input)
        case .messages: try fuzzMessages(input)
        case .requests: try fuzzRequests(input)
        case .values: try fuzzValues(input)
        }
    }
}

/// A promise that an input broke.
package struct FuzzFinding: Error {
    package let promise: String
}

func expect(_ holds: Bool, _ promise: String) throws {
    if !holds { throw FuzzFinding(promise: promise) }
}

/// An input's first byte holds options; the rest is the data.
struct FuzzInput {
    let options: UInt8
    var bytes: [UInt8]

    init(_ input: [UInt8]) {
        options = input.first ?? 0
        bytes = Array(input.dropFirst())
    }

    /// Whether an option is set. With the first one, checksums are corrected, so that the code behind the checks is
    /// reached.
    func has(_ option: Int) -> Bool { options & (1 << UInt8(option)) != 0 }

    /// Splits the bytes into parts: each begins with its length in two bytes.
    var parts: [[UInt8]] {
        var parts: [[UInt8]] = []
        var rest = bytes[...]
        while rest.count >= 2 {
            let length = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
            parts.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return parts
    }
}

extension [UInt8] {
    /// Writes a number at a position if there is room.
    mutating func put(_ number: UInt32, at position: Int) {
        guard position >= 0, position + 4 <= count else { return }
        for (offset, shift) in [24, 16, 8, 0].enumerated() {
            self[position + offset] = UInt8(number >> UInt32(shift) & 0xff)
        }
    }

    func number(at position: Int) -> UInt32 { self[position..<position + 4].reduce(0) { $0 << 8 | UInt32($1) } }

    func checksum(_ range: Range<Int>) -> UInt32 {
        withUnsafeBytes { crc32c(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// Corrects magic, lengths and checksums of record batches.
    mutating func repairBatches() {
        var start = 0
        while start + 61 <= count {
            self[start + 16] = 2
            let length = Swift.max(61, Swift.min(Int(number(at: start + 8) & 0x3ff) + 61, count - start))
            put(UInt32(length - 12), at: start + 8)
            put(checksum((start + 21)..<(start + length)), at: start + 17)
            start += length
        }
    }
}

/// Files in memory that hold a log or a broker.
func files(_ contents: [String: [UInt8]], in directories: [String]) throws -> MemoryFileSystem {
    let files = MemoryFileSystem()
    for directory in directories { try files.createDirectory(directory) }
    for (path, bytes) in contents { try files.open(path).write(bytes, at: 0) }
    return files
}

/// A batch with these keys and values.
func batch(_ entries: [(key: [UInt8], value: [UInt8]?)], by producer: ProducerStamp = .none, base: Int64 = 0) -> [UInt8]
{
    var builder = RecordBatchBuilder()
    builder.producer = producer
    for entry in entries {
        entry.key.withUnsafeBytes { key in
            if let value = entry.value {
                value.withUnsafeBytes { builder.append(key: key, value: $0, timestamp: Timestamp(ms: 1)) }
            } else {
                builder.append(key: key, value: nil, timestamp: Timestamp(ms: 1))
            }
        }
    }
    var bytes = Array(builder.finish())
    bytes.put(UInt32(truncatingIfNeeded: base >> 32), at: 0)
    bytes.put(UInt32(truncatingIfNeeded: base), at: 4)
    return bytes
}
