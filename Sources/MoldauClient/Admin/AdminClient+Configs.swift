internal import MoldauRecords
internal import MoldauWire

extension AdminClient {
    /// What a setting belongs to.
    public struct ConfigResource: Hashable, Comparable, Sendable, CustomStringConvertible {
        /// Kafka's kinds.
        public enum Kind: Int8, Sendable {
            /// A topic.
            case topic = 2
            /// A broker, by its id; an empty name means the default of all brokers.
            case broker = 4
            /// A group.
            case group = 32
        }

        /// The kind of the resource.
        public let kind: Kind
        /// The resource's name.
        public let name: String

        /// A topic's settings.
        public static func topic(_ name: String) -> ConfigResource { ConfigResource(kind: .topic, name: name) }
        /// A broker's settings; nil for the default of all brokers.
        public static func broker(_ node: Int32?) -> ConfigResource {
            ConfigResource(kind: .broker, name: node.map(String.init) ?? "")
        }
        /// A group's settings.
        public static func group(_ name: String) -> ConfigResource { ConfigResource(kind: .group, name: name) }

        public static func < (left: ConfigResource, right: ConfigResource) -> Bool {
            (left.kind.rawValue, left.name) < (right.kind.rawValue, right.name)
        }

        /// `topic 'orders'`, for example.
        public var description: String { name.isEmpty ? "default \(kind)" : "\(kind) '\(name)'" }

        /// The only broker that knows the settings; nil if any does.
        fileprivate var node: Int32? { kind == .broker ? Int32(name) : nil }
    }

    /// A setting that is in force.
    public struct ConfigEntry: Sendable, Equatable {
        /// Where a value comes from.
        public enum Source: Int8, Sendable {
            /// The brokers are too old to return it.
            case unknown = 0
            /// Set for the topic.
            case topic = 1
            /// Set for the broker while it was running.
            case dynamicBroker = 2
            /// Set for all brokers while they were running.
            case dynamicDefaultBroker = 3
            /// Set in the broker's configuration file.
            case staticBroker = 4
            /// Kafka's default.
            case defaultValue = 5
            /// Set for the loggers of a broker.
            case dynamicBrokerLogger = 6
            /// Set for clients.
            case clientMetrics = 7
            /// Set for the group.
            case group = 8
        }

        /// Kafka's name.
        public let name: String
        /// The value; nil if it is secret.
        public let value: String?
        /// Where the value comes from.
        public let source: Source
        /// Whether the value is secret.
        public let isSensitive: Bool
        /// Whether it cannot be changed.
        public let isReadOnly: Bool
        /// The same setting in other places, by descending precedence.
        public let synonyms: [Synonym]

        /// A value that applies if no other takes precedence.
        public struct Synonym: Sendable, Equatable {
            /// The setting's name there.
            public let name: String
            /// The value; nil if it is secret.
            public let value: String?
            /// Where it comes from.
            public let source: Source
        }

        /// Whether it is not set, neither for this resource nor for the brokers.
        public var isDefault: Bool { source == .defaultValue }
    }

    /// A change of a setting.
    public enum ConfigChange: Sendable, Equatable {
        /// Sets this value.
        case set(String)
        /// Deletes the value, so that the default applies.
        case delete
        /// Appends these values to a list.
        case append(String)
        /// Removes these values from a list.
        case subtract(String)
    }

    /// The settings in force, by resource.
    /// - Parameters:
    ///   - resources: the resources whose settings are returned.
    ///   - names: the settings to return; nil for all.
    /// - Throws: `CancellationError`.
    public func describeConfigs(
        _ resources: [ConfigResource], names: [String]? = nil
    ) async throws -> Outcomes<ConfigResource, [ConfigEntry]> {
        try await askNodes(resources) { address, resources in
            let request = DescribeConfigsRequest {
                $0.resources = resources.map { resource in
                    .init {
                        $0.resourceType = resource.kind.rawValue
                        $0.resourceName = resource.name
                        $0.configurationKeys = names
                    }
                }
                $0.includeSynonyms = true
            }
            return try await self.call(request, to: address).results.map { result in
                let entries = result.configs.map(ConfigEntry.init)
                return (
                    result.resourceType, result.resourceName, result.errorCode, result.errorMessage, entries
                )
            }
        }
    }

    /// Changes settings; those not named keep their values.
    /// - Parameters:
    ///   - changes: what happens to each setting, by its name.
    ///   - validateOnly: only checks whether the change is possible.
    /// - Throws: `CancellationError`.
    @discardableResult
    public func incrementalAlterConfigs(
        _ changes: [ConfigResource: [String: ConfigChange]], validateOnly: Bool = false
    ) async throws -> Outcomes<ConfigResource, Void> {
        try await askNodes(Array(changes.keys)) { address, resources in
            let request = IncrementalAlterConfigsRequest {
                $0.resources = resources.map { resource in
                    .init {
                        $0.resourceType = resource.kind.rawValue
                        $0.resourceName = resource.name
                        $0.configs = (changes[resource] ?? [:]).sorted(on: \.key).map { name, change in
                            .init { ($0.name, $0.configOperation, $0.value) = (name, change.wire.0, change.wire.1) }
                        }
                    }
                }
                $0.validateOnly = validateOnly
            }
            return try await self.call(request, to: address).responses.map { result in
                (result.resourceType, result.resourceName, result.errorCode, result.errorMessage, ())
            }
        }
    }

    private typealias Answer<Success> = (
        kind: Int8, name: String, code: ErrorCode, message: String?, success: Success
    )

    /// Asks each broker about its own settings, and any broker about the others.
    private func askNodes<Success: Sendable>(
        _ resources: [ConfigResource],
        _ ask: @escaping @Sendable (BrokerAddress?, [ConfigResource]) async throws -> [Answer<Success>]
    ) async throws -> Outcomes<ConfigResource, Success> {
        try await settle(resources, patience: options.unknownTopicPatience) { left in
            let picture = try await self.picture(of: [])
            let byNode = Dictionary(grouping: left, by: \.node).map { ($0.key ?? -1, $0.value) }
            let answers = try await Self.atOnce(byNode) { node, resources in
                let address = picture.address(of: node)
                if node >= 0, address == nil {
                    throw ClientError.refused(.brokerNotAvailable, "a request to broker \(node)")
                }
                return try await ask(address, resources)
            }
            var outcomes: Outcomes<ConfigResource, Success> = [:]
            for (node, resources) in byNode {
                switch answers[node] {
                case .success(let found):
                    for answer in found {
                        guard let kind = ConfigResource.Kind(rawValue: answer.kind) else { continue }
                        let resource = ConfigResource(kind: kind, name: answer.name)
                        let what = "the settings of \(resource)"
                        let error = ClientError.of(
                            answer.code, topic: answer.name, what, message: answer.message)
                        outcomes[resource] = error.map { .failure($0) } ?? .success(answer.success)
                    }
                case .failure(let error): for resource in resources { outcomes[resource] = .failure(error) }
                case nil: break
                }
            }
            return outcomes
        }
    }
}

extension AdminClient.ConfigChange {
    /// Kafka's number of the operation, and the value.
    fileprivate var wire: (Int8, String?) {
        switch self {
        case .set(let value): (0, value)
        case .delete: (1, nil)
        case .append(let value): (2, value)
        case .subtract(let value): (3, value)
        }
    }
}

extension AdminClient.ConfigEntry {
    fileprivate init(_ wire: DescribeConfigsResponse.Setting) {
        let source = wire.configSource == -1 && wire.isDefault ? 5 : max(wire.configSource, 0)
        self.init(
            name: wire.name, value: wire.value, source: Source(rawValue: source) ?? .unknown,
            isSensitive: wire.isSensitive, isReadOnly: wire.readOnly,
            synonyms: wire.synonyms.map { synonym in
                Synonym(
                    name: synonym.name, value: synonym.value, source: Source(rawValue: synonym.source) ?? .unknown)
            })
    }
}
