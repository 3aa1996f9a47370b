// Records up to where each partition is durable: `<data>/durable.journal`.
//
//     round: CRC-32C of what follows u32 · its size u32 · per partition: size of its name u16 · name · end offset i64
//
// Rounds are appended; a partition's last entry counts. After a crash the journal distinguishes a torn tail from bit
// rot: bytes beyond its offset were never acknowledged and may be cut off; bytes before it were acknowledged and may
// not. A round is written after the sync that it records, and becomes durable with a later one, so the journal may
// claim less than is durable but never more.

internal import MoldauLog
internal import MoldauRecords

/// Remembers across crashes which offsets of each partition are durable.
struct DurabilityJournal<Files: FileSystem>: Sendable {
    /// Above this size the file is rewritten with a single round.
    private static var sizeLimit: Int { 256 * 1024 }
    /// A separate sync for each round would cost as much as the sync that it records.
    private static var roundsPerSync: Int { 10 }

    private let files: Files
    private let directory: String
    private var file: Files.File?
    private var size = 0
    private var roundsSinceSync = 0
    /// Entries that are not written yet, by the partition's name.
    private var pending: [String: (partition: BrokerPartition<Files>, end: Offset)] = [:]
    /// By the partition's name.
    private(set) var ends: [String: Offset] = [:]

    private var path: String { "\(directory)/durable.journal" }

    init(_ files: Files, directory: String) throws(LogError) {
        self.files = files
        self.directory = directory
        let bytes = try files.contents(of: path) ?? []
        bytes.withUnsafeBytes { readRounds($0) }
    }

    /// Reads rounds up to the first incomplete one: a crash may have torn the last.
    private mutating func readRounds(_ bytes: UnsafeRawBufferPointer) {
        var rounds = FieldReader(bytes, of: "journal")
        while let checksum: UInt32 = try? rounds.number() {
            let summed = rounds.rest
            guard let length: UInt32 = try? rounds.number(), let round = try? rounds.bytes(Int(length)) else { return }
            let byteCount = MemoryLayout<UInt32>.size + round.count
            guard crc32c(UnsafeRawBufferPointer(rebasing: summed[..<byteCount])) == checksum else { return }
            readEntries(round)
        }
    }

    private mutating func readEntries(_ round: UnsafeRawBufferPointer) {
        var entries = FieldReader(round, of: "round of the journal")
        while let length: UInt16 = try? entries.number(), let name = try? entries.bytes(Int(length)),
            let end: Int64 = try? entries.number()
        {
            if let name = String(utf8: name) { ends[name] = Offset(end) }
        }
    }

    /// Notes what a sync made durable; it is written with the next round.
    mutating func add(_ durable: [(partition: BrokerPartition<Files>, end: Offset)]) {
        for entry in durable { pending["\(entry.partition.name)"] = entry }
    }

    private var round: [(String, Offset)] {
        pending.filter { !$0.value.partition.isDeleted }.map { ($0.key, $0.value.end) }.sorted { $0.0 < $1.0 }
    }

    /// Writes the noted entries. Not durable until the file is synced. After an error they are kept for the next
    /// attempt.
    /// - Returns: the file if it has to be synced now; nil otherwise.
    mutating func writeRound() throws(LogError) -> Files.File? {
        let round = round
        for (name, end) in round { ends[name] = end }
        if round.isEmpty { return nil }
        guard let file, size < Self.sizeLimit else {
            try rewrite()
            pending = [:]
            return nil
        }
        let bytes = Self.bytes(of: round)
        try file.write(bytes, at: size)
        pending = [:]
        size += bytes.count
        roundsSinceSync += 1
        guard roundsSinceSync >= Self.roundsPerSync else { return nil }
        roundsSinceSync = 0
        return file
    }

    /// Removes partitions that were deleted, durably: others of the same name begin at 0.
    mutating func forget(_ partitions: [TopicPartition]) throws(LogError) {
        try forget(partitions.map { "\($0)" })
    }

    /// As above, by name.
    mutating func forget(_ names: [String]) throws(LogError) {
        let isKnown = names.contains { ends[$0] != nil }
        for name in names { ends[name] = nil }
        if isKnown { try rewrite() }
    }

    /// Discards the entries that are not written yet.
    mutating func letGo() { pending = [:] }

    /// Writes everything, durably.
    mutating func close() throws(LogError) {
        for (name, end) in round { ends[name] = end }
        try rewrite()
    }

    private mutating func rewrite() throws(LogError) {
        let round = Self.bytes(of: ends.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        try files.replace(path, with: round, in: directory, sync: true)
        file = try files.open(path)
        size = round.count
        roundsSinceSync = 0
    }

    private static func bytes(of entries: [(String, Offset)]) -> [UInt8] {
        var body = ByteWriter()
        for (name, end) in entries {
            body.append(bigEndian: UInt16(name.utf8.count))
            body.append(utf8: name)
            body.append(bigEndian: end.value)
        }
        var summed = ByteWriter()
        summed.append(bigEndian: UInt32(body.bytes.count))
        summed.append(contentsOf: body.bytes)
        var round = ByteWriter()
        round.append(bigEndian: crc32c(summed.bytes))
        round.append(contentsOf: summed.bytes)
        return Array(round.bytes)
    }
}
