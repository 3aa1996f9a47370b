import ArgumentParser
import MoldauClient

/// `moldau configs alter`.
struct ConfigsAlter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alter", abstract: "Changes settings; those that are not named stay as they are.",
        discussion: """
            Changes take effect at once. Records that have expired by the new settings of their topic are deleted by the \
            broker soon after; the others stay.
            """)

    @OptionGroup var place: ClusterPlace
    @OptionGroup var entities: ConfigEntities

    @Option(
        name: .customLong("add-config"),
        help: """
            Settings by Kafka's names: retention.ms=-1,cleanup.policy=[compact,delete]. Put values with \
            commas in brackets. May be repeated.
            """)
    var additions: [String] = []

    @Option(
        name: .customLong("delete-config"),
        help: "Names of settings to reset to their defaults, separated by commas. May be repeated.")
    var deletions: [String] = []

    func validate() throws {
        if additions.isEmpty && deletions.isEmpty {
            throw ValidationError("give --add-config name=value, or --delete-config name")
        }
        if entities.named.isEmpty { throw ValidationError("give --entity-name: settings are changed by name") }
    }

    func run() throws {
        let (changes, deleted) = (try self.changes(), deletedNames)
        let resources = Set(entities.named).sorted()
        for resource in resources where resource.kind == .topic { try checkTopic(resource.name) }
        try place.withAdmin { admin in
            for (resource, entries) in try await admin.describeConfigs(resources).all() {
                let own = Set(entries.filter { !$0.isDefault }.map(\.name))
                if let name = deleted.first(where: { !own.contains($0) }) {
                    throw CommandFailure("'\(name)' of \(resource.entity) is already at its default")
                }
            }
            try await admin.incrementalAlterConfigs(
                Dictionary(uniqueKeysWithValues: resources.map { ($0, changes) })
            ).all()
            let output = LineOutput()
            for resource in resources { try output.write("Completed updating config for \(resource.entity).") }
            try output.flush()
        }
    }

    private func checkTopic(_ name: String) throws {
        try refuseClusterTopic(name)
        try TopicSettings.check(try Self.pairs(additions).map(\.name), for: place)
    }

    private var deletedNames: [String] { deletions.flatMap { $0.split(separator: ",").map(String.init) } }

    private func changes() throws -> [String: AdminClient.ConfigChange] {
        var changes: [String: AdminClient.ConfigChange] = [:]
        for pair in try Self.pairs(additions) { changes[pair.name] = .set(pair.text) }
        for name in deletedNames {
            guard changes.updateValue(.delete, forKey: name) == nil else {
                throw CommandFailure("'\(name)' cannot be both set and deleted")
            }
        }
        return changes
    }

    /// Parses settings such as `a=1,b=[2,3]`.
    static func pairs(_ texts: [String]) throws -> [NamedText] {
        try texts.flatMap { text in
            var (parts, depth) = ([""], 0)
            for character in text {
                switch character {
                case "[": depth += 1
                case "]": depth -= 1
                case ",":
                    if depth == 0 {
                        parts.append("")
                        continue
                    }
                default: break
                }
                parts[parts.count - 1].append(character)
            }
            return try parts.map { part in
                guard part.contains("=") else {
                    throw CommandFailure(
                        "--add-config takes name=value, not '\(part)'; put a value with commas in brackets: "
                            + "cleanup.policy=[compact,delete]")
                }
                let pair = try NamedText(part, option: "--add-config")
                guard pair.text.hasPrefix("["), pair.text.hasSuffix("]") else { return pair }
                return NamedText(name: pair.name, text: String(pair.text.dropFirst().dropLast()))
            }
        }
    }
}
