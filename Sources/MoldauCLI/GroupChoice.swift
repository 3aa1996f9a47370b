import ArgumentParser
import MoldauClient
import MoldauRecords

/// The options that name groups.
struct GroupChoice: ParsableArguments {
    @Option(name: .customLong("group"), help: "A group. May be repeated.")
    var named: [String] = []

    @Flag(help: "All groups.")
    var allGroups = false

    func validate() throws {
        if named.isEmpty != allGroups { throw ValidationError("give --group, or --all-groups") }
    }

    func names(_ admin: AdminClient) async throws -> [String] {
        allGroups ? try await admin.listGroups().map(\.group) : Set(named).sorted()
    }
}

extension AdminClient.GroupDescription {
    /// `1 member`, for example.
    var memberCount: String { "\(members.count) \(members.count == 1 ? "member" : "members")" }
}

extension CommandFailure {
    /// The error for a named group that does not exist.
    static func noGroup(_ name: String, others: [String]) -> CommandFailure {
        CommandFailure(
            others.isEmpty
                ? "there is no group '\(name)', nor any other"
                : "there is no group '\(name)'; there are: \(others.joined(separator: ", "))")
    }
}

extension AdminClient {
    /// The groups' states and members, by name.
    /// - Throws: `CommandFailure` that lists the existing groups.
    func requireGroups(_ names: [String]) async throws -> [(name: String, GroupDescription)] {
        let described = try await describeGroups(names)
        var found: [(String, GroupDescription)] = []
        for name in names {
            switch described[name] {
            case .success(let group)? where group.state != .dead: found.append((name, group))
            case .failure(let error)? where error.refusal != .groupNotFound: throw error
            default:
                throw CommandFailure.noGroup(name, others: try await listGroups().map(\.group))
            }
        }
        return found
    }

    /// Parses partitions: `topic`, or `topic:0,2`.
    /// - Throws: `CommandFailure`; `ClientError.unknownTopic`.
    func partitions(_ texts: [String]) async throws -> Set<TopicPartition> {
        var found: Set<TopicPartition> = []
        for text in texts {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let topic = try await describeTopics([parts[0]]).all()[parts[0]] else { continue }
            let all = topic.partitions.map(\.partition.number)
            guard parts.count == 2 else {
                found.formUnion(all.map { TopicPartition(parts[0], $0) })
                continue
            }
            for number in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
                guard let number = Int32(number), all.contains(number) else {
                    throw CommandFailure(
                        "there is no partition '\(number)': \(parts[0]) has \(all.count), counted from 0")
                }
                found.insert(TopicPartition(parts[0], number))
            }
        }
        return found
    }
}
