import ArgumentParser
import MoldauClient
import MoldauRecords

/// `moldau groups reset-offsets`: changes where a group resumes. Only prints the changes unless `--execute` is given.
struct GroupsResetOffsets: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset-offsets", abstract: "Moves the offsets of a group that has no members.",
        discussion: """
            Without --execute it prints the new offsets and changes nothing. An offset that a partition does not hold \
            becomes the nearest one that it does. A time later than all records means the end.
            """)

    @OptionGroup var place: ClusterPlace

    @Option(help: "The group.")
    var group: String

    @Option(name: .customLong("topic"), help: "A topic, or some of its partitions: orders:0,2. May be repeated.")
    var topics: [String] = []

    @Flag(help: "All partitions in which the group has an offset.")
    var allTopics = false

    @OptionGroup var target: ResetTarget

    @Flag(help: "Print what would be done; this is the default.")
    var dryRun = false

    @Flag(help: "Do it.")
    var execute = false

    @OptionGroup var form: OutputForm

    func validate() throws {
        if topics.isEmpty != allTopics { throw ValidationError("give --topic, or --all-topics") }
        if dryRun && execute { throw ValidationError("give --dry-run or --execute, not both") }
    }

    func run() throws {
        let way = try target.read()
        try place.withAdmin { [self] admin in
            let committed = try await admin.listGroupOffsets(group)
            let wanted = allTopics ? Set(committed.keys) : try await admin.partitions(topics)
            guard !wanted.isEmpty else {
                throw CommandFailure("'\(group)' has no offsets yet; give --topic to set some")
            }
            try await requireNoMembers(admin)
            let offsets = try await way.offsets(of: wanted, committed.mapValues(\.offset), admin)
            if execute {
                try await admin.alterGroupOffsets(group, offsets.mapValues { .init($0) }).all()
            }
            var table = Table("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET")
            for (partition, offset) in offsets.sorted(on: \.key) {
                table.add(
                    .text(group), .text(partition.topic), .number(Int64(partition.partition.number)), .offset(offset))
            }
            try form.write(table)
            if !execute { LineOutput.tell("nothing has been changed yet; add --execute to do it") }
        }
    }

    /// Members would continue from their own positions, and commit those.
    private func requireNoMembers(_ admin: AdminClient) async throws {
        switch try await admin.describeGroups([group])[group] {
        case .success(let found)? where !found.members.isEmpty:
            throw CommandFailure(
                "'\(group)' has \(found.memberCount), and is \(found.state.rawValue); offsets can be reset only "
                    + "while nobody reads: stop its readers first")
        case .failure(let error)? where error.refusal != .groupNotFound: throw error
        default: return
        }
    }
}
