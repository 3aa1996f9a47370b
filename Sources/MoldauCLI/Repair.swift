import ArgumentParser
import MoldauBroker
import MoldauLog
import MoldauRecords

/// `moldau repair`: finds damaged records in partitions, and removes them so that the rest can be read.
struct Repair: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Finds damaged records, and leaves them out.",
        discussion: """
            Reads every record of every partition, the broker's own included, and reports those that cannot be read. \
            With a partition named it reports what would be lost by leaving them out; with --apply it does so. The \
            rest can be read then, and keeps its offsets. Stop the application first, and keep a copy of the directory.
            """)

    @OptionGroup var data: DataDirectory

    @Argument(
        help: "The partition to repair, 'orders-3' for example; without it all are checked and nothing is changed.")
    var partition: String?

    @Flag(help: "Leave out everything from the first damaged record on, not the damaged records alone.")
    var truncate = false

    @Flag(help: "Change the files. Without this flag the changes are only printed.")
    var apply = false

    func validate() throws {
        if partition == nil, truncate || apply {
            throw ValidationError("name the partition to repair: 'moldau repair <partition> --apply'")
        }
    }

    func run() throws {
        let directory = try data.existingBrokerDirectory()
        let output = LineOutput()
        do {
            let repair = try DirectoryRepair(PosixFileSystem(), directory: directory)
            if let partition { try mend(partition, repair, output) } else { try list(repair, output) }
            try output.flush()
        } catch let error as LogError {
            throw CommandFailure("\(error)")
        }
    }

    private func list(_ repair: DirectoryRepair<PosixFileSystem>, _ output: LineOutput) throws {
        let partitions = try repair.partitions()
        var damagedCount = 0
        for partition in partitions {
            guard let damage = try repair.damage(of: partition) else { continue }
            damagedCount += 1
            try describe(damage, output)
        }
        let looked = "\(partitions.count) \(partitions.count == 1 ? "partition" : "partitions") read"
        try output.write(damagedCount == 0 ? "\(looked), no damage found" : "\(looked), \(damagedCount) damaged")
    }

    private func describe(_ damage: PartitionDamage, _ output: LineOutput) throws {
        try output.write("\(damage.partition):")
        for stretch in damage.stretches {
            try output.write(
                "  segment \(stretch.segment), bytes \(stretch.bytes.lowerBound) up to \(stretch.bytes.upperBound), "
                    + "offsets \(text(stretch.offsets)): \(stretch.reason)")
        }
        if !damage.missing.isEmpty { try output.write("  offsets \(text(damage.missing)) are missing at the end") }
    }

    private func mend(_ name: String, _ repair: DirectoryRepair<PosixFileSystem>, _ output: LineOutput) throws {
        guard let partition = TopicPartition(directoryName: name), try repair.partitions().contains(partition) else {
            throw LogError.damagedFile(
                path: name, reason: "no partition of that name has files here; give a name such as 'orders-3'")
        }
        guard let damage = try repair.damage(of: partition) else {
            return try output.write("\(partition): no damage found")
        }
        try describe(damage, output)
        let lost = truncate ? [damage.lostByTruncating] : damage.lostBySkipping
        let offsets = lost.map(text).joined(separator: ", ")
        let count = lost.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
        guard apply else {
            return try output.write(
                "with --apply the offsets \(offsets) are lost (\(count) at most); nothing was changed")
        }
        try repair.mend(damage, truncates: truncate)
        try output.write("\(partition) is repaired without the offsets \(offsets) (\(count) at most)")
    }

    private func text(_ offsets: Range<Offset>) -> String {
        "\(offsets.lowerBound) up to, not including, \(offsets.upperBound)"
    }
}
