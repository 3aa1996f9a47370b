import ArgumentParser
import MoldauClient

/// The options that say whose settings are meant; named like those of Kafka's kafka-configs.
struct ConfigEntities: ParsableArguments {
    /// The kinds of resources that have settings.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case topics, brokers, groups

        /// The singular of the kind.
        var singular: String { String(rawValue.dropLast()) }
    }

    @Option(help: "What has the settings: topics, brokers or groups.")
    var entityType: Kind?

    @Option(name: .customLong("entity-name"), help: "Its name, or a broker's number. May be repeated.")
    var names: [String] = []

    @Flag(help: "With brokers: the settings that hold for all of them.")
    var entityDefault = false

    @Option(name: .customLong("topic"), help: "A topic. May be repeated.")
    var topics: [String] = []

    @Option(name: .customLong("broker"), help: "A broker's number. May be repeated.")
    var brokers: [Int32] = []

    @Option(name: .customLong("group"), help: "A group. May be repeated.")
    var groups: [String] = []

    func validate() throws {
        if names.isEmpty && !entityDefault {
            if entityType == nil && named.isEmpty {
                throw ValidationError("give --topic, --broker, --group, or --entity-type with --entity-name")
            }
        } else if entityType == nil {
            throw ValidationError("--entity-name and --entity-default need --entity-type topics, brokers or groups")
        }
        if entityDefault && entityType != .brokers {
            throw ValidationError("--entity-default is for --entity-type brokers: others have no common settings")
        }
        if entityType == .brokers, let name = names.first(where: { Int32($0) == nil }) {
            throw ValidationError("a broker is named by its number, not '\(name)'")
        }
    }

    /// The named resources; empty for all of the kind.
    var named: [AdminClient.ConfigResource] {
        let byType = names.compactMap { name -> AdminClient.ConfigResource? in
            switch entityType {
            case .topics: .topic(name)
            case .brokers: Int32(name).map { .broker($0) }
            case .groups: .group(name)
            case nil: nil
            }
        }
        let common: [AdminClient.ConfigResource] = entityDefault ? [.broker(nil)] : []
        return byType + common + topics.map { .topic($0) } + brokers.map { .broker($0) } + groups.map { .group($0) }
    }

    /// The named resources, or all of the kind.
    func resources(_ admin: AdminClient) async throws -> [AdminClient.ConfigResource] {
        if !named.isEmpty { return Set(named).sorted() }
        switch entityType {
        case .topics: return try await admin.listTopics().map { .topic($0.name) }
        case .brokers: return try await admin.describeCluster().nodes.map { .broker($0.id) }
        case .groups: return try await admin.listGroups().map { .group($0.group) }
        case nil: return []
        }
    }
}

extension AdminClient.ConfigResource {
    /// As Kafka's tools name it: `topic orders`, for example.
    var entity: String { name.isEmpty ? "default \(kind)s" : "\(kind) \(name)" }
}
