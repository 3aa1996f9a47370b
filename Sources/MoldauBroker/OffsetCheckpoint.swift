// Offsets per partition, in files like Kafka's, beside the partitions' directories:
//
//     0                    the version
//     2                    how many entries follow
//     orders 0 1200        topic, partition, offset
//     orders 1 0
//
//     log-start-offset-checkpoint        the first readable offset
//     recovery-point-offset-checkpoint   up to where everything is on disk
//     replication-offset-checkpoint      up to where consumers may read
//
// Our own files have all of this, and more precisely after a crash. These are for Kafka's programs that open the
// directory after us, and for us after them.

internal import MoldauLog
internal import MoldauRecords

/// One of Kafka's files of offsets.
enum OffsetCheckpoint: String, CaseIterable {
    case logStart = "log-start-offset-checkpoint"
    case recoveryPoint = "recovery-point-offset-checkpoint"
    case highWatermark = "replication-offset-checkpoint"

    private static let version = "0"

    /// The content of the file; nil if it is missing or incomplete.
    func read<Files: FileSystem>(_ files: Files, in directory: String) throws(LogError) -> [TopicPartition: Offset]? {
        guard let bytes = try files.contents(of: "\(directory)/\(rawValue)") else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard lines.count >= 2, lines[0] == Self.version, Int(lines[1]) == lines.count - 2 else { return nil }
        var offsets: [TopicPartition: Offset] = [:]
        for line in lines.dropFirst(2) {
            let fields = line.split(separator: " ")
            guard fields.count == 3, let number = Int32(fields[1]), let offset = Int64(fields[2]), offset >= 0 else {
                return nil
            }
            offsets[TopicPartition(String(fields[0]), number)] = Offset(offset)
        }
        return offsets
    }

    /// Replaces the file, without a sync.
    func write<Files: FileSystem>(
        _ offsets: [TopicPartition: Offset], _ files: Files, in directory: String
    ) throws(LogError) {
        var text = "\(Self.version)\n\(offsets.count)\n"
        for (name, offset) in offsets.sorted(on: \.key) {
            text += "\(name.topic) \(name.partition) \(offset)\n"
        }
        try files.replace("\(directory)/\(rawValue)", with: Array(text.utf8), in: directory, sync: false)
    }
}
