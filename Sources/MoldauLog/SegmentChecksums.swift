// The checksums of a closed segment: `<base>.checksums`, our own file beside Kafka's.
//
//     version u16 = 2 · end offset i64 · first timestamp i64 · largest timestamp i64 · its offset i64 · CRC-32C of
//     .index, .timeindex and .txnindex, u32 each, 0 for an empty or missing file · count u32, then per run of batches:
//     position of its end u32 · CRC-32C of its bytes u32; then the times of the first and the last append i64 each;
//     last the CRC-32C of all of this, u32. Version 1 had no times.
//
// A batch's own checksum does not cover its first 21 bytes, among them its offset. A run consists of whole batches, 64
// KiB or more, so that a reader verifies only what it reads, once per start of the program.

internal import MoldauRecords
internal import Synchronization

/// A run of batches and the checksum of its bytes.
struct ChecksumRun: Equatable, Sendable {
    /// Positions in the segment's file.
    let bytes: Range<Int>
    let checksum: UInt32
}

/// Computes the checksums of a segment's batches as they are appended.
struct RunningChecksums: Sendable {
    private static let runBytes = 64 * 1024

    private(set) var runs: [ChecksumRun] = []
    private var start = 0
    private var end = 0
    private var checksum: UInt32 = 0

    init() {}

    /// Continues after the runs of a file.
    init(after runs: [ChecksumRun]) {
        self.runs = runs
        start = runs.last?.bytes.upperBound ?? 0
        end = start
    }

    /// - Parameter head: the checksum of the batch's first bytes, which its own checksum does not cover.
    mutating func note(_ header: RecordBatchHeader, head: UInt32) {
        checksum = crc32c(checksum, followedBy: head, byteCount: BatchFormat.crcEnd)
        checksum = crc32c(checksum, followedBy: header.checksum, byteCount: header.byteCount - BatchFormat.crcEnd)
        end += header.byteCount
        if end - start >= Self.runBytes { closeRun() }
    }

    mutating func closeRun() {
        guard end > start else { return }
        runs.append(ChecksumRun(bytes: start..<end, checksum: checksum))
        start = end
        checksum = 0
    }
}

/// The content of a segment's checksum file.
struct SegmentChecksums: Equatable, Sendable {
    private static let version: UInt16 = 2
    private static let headBytes = 50
    private static let timesBytes = 16

    var end: Offset
    var firstTimestamp: Timestamp
    var latest: TimeIndex.Entry
    var offsetIndex: UInt32
    var timeIndex: UInt32
    var abortedIndex: UInt32
    var runs: [ChecksumRun]
    var appendTimes: AppendTimes

    /// The bytes of batches in the segment.
    var size: Int { runs.last?.bytes.upperBound ?? 0 }

    /// Whether a segment with that base may have this end offset.
    func canBe(of base: Offset) -> Bool { end >= base && end - base <= Int64(UInt32.max) + 1 }

    var fileBytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.headBytes + 8 * runs.count + Self.timesBytes + 4)
        writer.append(bigEndian: Self.version)
        for number in [end.value, firstTimestamp.ms, latest.timestamp.ms, latest.offset.value] {
            writer.append(bigEndian: number)
        }
        for number in [offsetIndex, timeIndex, abortedIndex, UInt32(runs.count)] { writer.append(bigEndian: number) }
        for run in runs {
            // Beyond 4 GiB, which no segment of ours reaches, the position does not fit and the file is ignored.
            writer.append(bigEndian: UInt32(clamping: run.bytes.upperBound))
            writer.append(bigEndian: run.checksum)
        }
        for number in appendTimes.numbers { writer.append(bigEndian: number) }
        writer.append(bigEndian: crc32c(writer.bytes))
        return Array(writer.bytes)
    }
}

extension SegmentChecksums {
    /// nil if the bytes are damaged or of another version.
    init?(file: [UInt8]) {
        guard let read = file.withUnsafeBytes({ try? SegmentChecksums(reading: $0) }) else { return nil }
        self = read
    }

    private init(reading file: UnsafeRawBufferPointer) throws(SerdeError) {
        var fields = FieldReader(file, of: "file of checksums")
        let checksum: UInt32 = try fields.lastNumber()
        guard crc32c(fields.rest) == checksum else { throw fields.malformed("its own checksum is wrong") }
        let version: UInt16 = try fields.number()
        guard (1...Self.version).contains(version) else { throw fields.malformed("its version is \(version)") }
        end = Offset(try fields.number())
        firstTimestamp = Timestamp(ms: try fields.number())
        latest = TimeIndex.Entry(timestamp: Timestamp(ms: try fields.number()), offset: Offset(try fields.number()))
        (offsetIndex, timeIndex, abortedIndex) = (try fields.number(), try fields.number(), try fields.number())
        runs = []
        for _ in 0..<(try fields.number(UInt32.self)) {  // Throws if the count exceeds the bytes that are there.
            let (start, end) = (runs.last?.bytes.upperBound ?? 0, Int(try fields.number(UInt32.self)))
            guard end > start else { throw fields.malformed("a run ends at \(end), but begins at \(start)") }
            runs.append(ChecksumRun(bytes: start..<end, checksum: try fields.number()))
        }
        appendTimes =
            version == 1 ? AppendTimes() : AppendTimes(numbers: try fields.number(), try fields.number())
        guard fields.rest.isEmpty else { throw fields.malformed("bytes follow its end") }
    }
}

/// Runs that an earlier process wrote: each is verified when it is first read.
final class UncheckedRuns: Sendable {
    private let path: String
    private let runs: [ChecksumRun]
    private let checked: Mutex<[Bool]>

    init(_ runs: [ChecksumRun], path: String) {
        self.path = path
        self.runs = runs
        checked = Mutex(Array(repeating: false, count: runs.count))
    }

    /// Verifies the runs that overlap `range`. Blocks on the disk.
    /// - Throws: `LogError.damagedRecords`.
    func check<File: LogFile>(_ range: Range<Int>, of file: File) throws(LogError) {
        for number in pending(range) {
            let run = runs[number]
            let bytes = try SharedBytes(capacity: run.bytes.count) { buffer throws(LogError) in
                try file.read(into: buffer, at: run.bytes.lowerBound)
            }
            guard bytes.count == run.bytes.count, crc32c(bytes.bytes) == run.checksum else {
                throw .damagedRecords(path: path, bytes: run.bytes)
            }
            checked.withLock { $0[number] = true }
        }
    }

    private func pending(_ range: Range<Int>) -> [Int] {
        // The first run that ends after the range's start.
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].bytes.upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
        }
        return checked.withLock { checked in
            runs.indices[low...].prefix { runs[$0].bytes.lowerBound < range.upperBound }.filter { !checked[$0] }
        }
    }
}
