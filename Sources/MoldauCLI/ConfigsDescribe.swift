import ArgumentParser
import MoldauClient
import MoldauRecords

/// `moldau configs describe`.
struct ConfigsDescribe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Prints settings that were given, or with --all those in force.",
        discussion: """
            Each setting is followed by where it comes from, highest precedence first: DYNAMIC_TOPIC_CONFIG is what the \
            topic was given, DEFAULT_CONFIG what holds otherwise.
            """)

    @OptionGroup var place: ClusterPlace
    @OptionGroup var entities: ConfigEntities

    @Flag(help: "Print defaults as well.")
    var all = false

    @OptionGroup var form: OutputForm

    func run() throws {
        try place.withAdmin { [self] admin in
            let described = try await admin.describeConfigs(try await entities.resources(admin)).all()
            let shown = described.sorted(on: \.key).map { resource, entries in
                let wanted = entries.filter { all || $0.source.isDynamic }.sorted(on: \.name)
                return (resource: resource, entries: wanted)
            }
            let output = LineOutput()
            if form.isJSON {
                try output.write(
                    json: shown.flatMap { resource, entries in entries.map { Self.object($0, of: resource) } })
            } else {
                for (resource, entries) in shown {
                    try output.write("\(all ? "All" : "Dynamic") configs for \(resource.entity) are:")
                    for entry in entries { try output.write("  \(Self.line(entry))") }
                }
            }
            try output.flush()
        }
    }

    private static func line(_ entry: AdminClient.ConfigEntry) -> String {
        let synonyms = entry.synonyms.map { "\($0.source.kafkaName):\($0.name)=\($0.value ?? "null")" }
        return "\(entry.name)=\(entry.value ?? "null") sensitive=\(entry.isSensitive) "
            + "synonyms={\(synonyms.joined(separator: ", "))}"
    }

    private static func object(
        _ entry: AdminClient.ConfigEntry, of resource: AdminClient.ConfigResource
    ) -> [String: Any] {
        [
            "entityType": "\(resource.kind)s", "entityName": resource.name, "name": entry.name,
            "value": entry.value.json, "source": entry.source.kafkaName, "isSensitive": entry.isSensitive,
            "isReadOnly": entry.isReadOnly,
        ]
    }
}

extension AdminClient.ConfigEntry.Source {
    /// Whether it was set for the resource itself, while the brokers were running.
    fileprivate var isDynamic: Bool {
        switch self {
        case .topic, .dynamicBroker, .dynamicDefaultBroker, .dynamicBrokerLogger, .clientMetrics, .group: true
        case .unknown, .staticBroker, .defaultValue: false
        }
    }

    fileprivate var kafkaName: String {
        switch self {
        case .unknown: "UNKNOWN"
        case .topic: "DYNAMIC_TOPIC_CONFIG"
        case .dynamicBroker: "DYNAMIC_BROKER_CONFIG"
        case .dynamicDefaultBroker: "DYNAMIC_DEFAULT_BROKER_CONFIG"
        case .staticBroker: "STATIC_BROKER_CONFIG"
        case .defaultValue: "DEFAULT_CONFIG"
        case .dynamicBrokerLogger: "DYNAMIC_BROKER_LOGGER_CONFIG"
        case .clientMetrics: "DYNAMIC_CLIENT_METRICS_CONFIG"
        case .group: "DYNAMIC_GROUP_CONFIG"
        }
    }
}
