import ArgumentParser
import MoldauClient
import MoldauRecords

/// `moldau groups describe`: offsets and lag of groups, their members, or their states.
struct GroupsDescribe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Prints how far groups have read, and who reads what.",
        discussion: "The columns are those of Kafka's kafka-consumer-groups. LAG is how many offsets are left to read.")

    @OptionGroup var place: ClusterPlace
    @OptionGroup var choice: GroupChoice

    @Flag(help: "Print the offsets; this is the default.")
    var offsets = false

    @Flag(help: "Print the members instead.")
    var members = false

    @Flag(help: "Print what the groups do instead.")
    var state = false

    @OptionGroup var form: OutputForm

    func validate() throws {
        if [offsets, members, state].filter({ $0 }).count > 1 {
            throw ValidationError("give one of --offsets, --members and --state")
        }
    }

    func run() throws {
        try place.withAdmin { [self] admin in
            let groups = try await admin.requireGroups(try await choice.names(admin))
            if state { return try form.write(Self.states(of: groups)) }
            if members { return try form.write(Self.members(of: groups)) }
            try form.write(try await Self.offsets(of: groups, admin))
        }
    }

    private typealias Described = [(name: String, AdminClient.GroupDescription)]

    private static func offsets(of groups: Described, _ admin: AdminClient) async throws -> Table {
        var table = Table(
            "GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST",
            "CLIENT-ID")
        for (name, group) in groups {
            let committed = try await admin.listGroupOffsets(name)
            var readers: [TopicPartition: AdminClient.MemberDescription] = [:]
            for member in group.members { for partition in member.assignment { readers[partition] = member } }
            let partitions = Set(committed.keys).union(readers.keys).sorted()
            let ends = try await admin.listOffsets(of: partitions, .latest)
            for partition in partitions {
                let (current, reader) = (committed[partition]?.offset, readers[partition])
                // A deleted topic has no end offset.
                let end = try? ends[partition]?.get().offset
                table.add(
                    .text(name), .text(partition.topic), .number(Int64(partition.partition.number)), .offset(current),
                    .offset(end), .lag(current, end), .word(reader?.memberID), .word(reader?.host),
                    .word(reader?.clientID))
            }
        }
        return table
    }

    private static func members(of groups: Described) -> Table {
        var table = Table("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS", "ASSIGNMENT")
        for (name, group) in groups {
            for member in group.members {
                let read = Dictionary(grouping: member.assignment) { $0.topic }.sorted(on: \.key)
                let texts = read.map { topic, partitions in
                    "\(topic)(\(partitions.map(\.partition.number).sorted().map(String.init).joined(separator: ",")))"
                }
                table.add(
                    .text(name), .text(member.memberID), .word(member.instanceID), .text(member.host),
                    .text(member.clientID), .number(Int64(member.assignment.count)),
                    texts.isEmpty ? .missing : .text(texts.joined(separator: ", ")))
            }
        }
        return table
    }

    private static func states(of groups: Described) -> Table {
        var table = Table("GROUP", "COORDINATOR", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS")
        for (name, group) in groups {
            table.add(
                .text(name), .text("\(group.coordinator.address) (\(group.coordinator.id))"), .word(group.assignor),
                .text(group.state.rawValue), .number(Int64(group.members.count)))
        }
        return table
    }
}

extension Table.Cell {
    /// An offset, which may be unknown.
    static func offset(_ offset: Offset?) -> Table.Cell { offset.map { .number($0.value) } ?? .missing }

    /// The number of records left to read.
    fileprivate static func lag(_ current: Offset?, _ end: Offset?) -> Table.Cell {
        guard let current, let end else { return .missing }
        return .number(max(end.value - current.value, 0))
    }

    fileprivate static func word(_ text: String?) -> Table.Cell {
        guard let text, !text.isEmpty else { return .missing }
        return .text(text)
    }
}
