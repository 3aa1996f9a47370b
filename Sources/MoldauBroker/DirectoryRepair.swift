package import MoldauLog
package import MoldauRecords

/// Finds and repairs damage in a data directory, partition by partition, even if no broker can open it.
package final class DirectoryRepair<Files: FileSystem> {
    private let files: Files
    private let directory: String
    private let durableEnds: [String: Offset]
    private let wasClean: Bool
    private let lock: DirectoryLock

    /// Locks the directory against brokers for the lifetime of the value.
    /// - Throws: `LogError.locked`, at once, if a broker uses it.
    package init(_ files: Files, directory: String) throws(LogError) {
        (self.files, self.directory) = (files, directory)
        lock = try files.lock(directory)
        durableEnds = try DurabilityJournal(files, directory: directory).ends
        wasClean = files.exists("\(directory)/\(DataDirectory<Files>.cleanMarker)")
    }

    /// The partitions that have files, whether or not a topic of that name exists.
    package func partitions() throws(LogError) -> [TopicPartition] {
        var found: [TopicPartition] = []
        for name in try files.names(in: directory) {
            guard let partition = PartitionDirectory.partition(of: name, Files.self) else { continue }
            let isLog = try files.names(in: "\(directory)/\(name)").contains { SegmentName.base(ofLog: $0) != nil }
            if isLog { found.append(partition) }
        }
        return found.sorted()
    }

    /// Reads a whole partition. Blocks on the disk.
    /// - Returns: nil if nothing is wrong.
    package func damage(of partition: TopicPartition) throws(LogError) -> PartitionDamage? {
        try repair(of: partition).examine()
    }

    /// Leaves out the damaged stretches, or everything from the first of them on. Durable on return.
    package func mend(_ damage: PartitionDamage, truncates: Bool) throws(LogError) {
        let repair = repair(of: damage.partition)
        if truncates { try repair.truncate(damage) } else { try repair.skip(damage) }
    }

    private func repair(of partition: TopicPartition) -> PartitionRepair<Files> {
        PartitionRepair(
            files, directory: "\(directory)/\(partition)", partition: partition,
            durableEnd: durableEnds["\(partition)"] ?? .zero, wasClean: wasClean)
    }
}

extension TopicPartition {
    /// The partition whose directory has that name; nil for other names.
    package init?(directoryName name: String) {
        guard let dash = name.lastIndex(of: "-"), dash > name.startIndex,
            let number = Int32(name[name.index(after: dash)...]), number >= 0, "\(name[..<dash])-\(number)" == name
        else { return nil }
        self.init(String(name[..<dash]), number)
    }
}
