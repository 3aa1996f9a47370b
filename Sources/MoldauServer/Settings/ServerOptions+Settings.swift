internal import MoldauLog
public import MoldauRecords

extension ServerOptions: NamedSettings {
    /// Uses Kafka's names, and for settings that Kafka does not have names that begin with `moldau.`.
    public static let namedSettings: [NamedSetting<ServerOptions>] =
        [
            .number("socket.request.max.bytes", \.maxRequestBytes, from: 1),
            .number("queued.max.request.bytes", \.maxMemoryBytes, from: 1),
            .number("queued.max.requests", \.maxUnansweredRequests, from: 1),
            .number("max.connections", \.maxConnections),
            .number("max.connections.per.ip", \.maxConnectionsPerAddress),
            .milliseconds("connections.max.idle.ms", \.idleTimeout, from: 1),
            .number("num.network.threads", \.networkThreads, from: 1),
            .number("num.io.threads", \.workThreads, from: 1),
            .flag("auto.create.topics.enable", \.createsTopics),
            .number("num.partitions", \.defaultPartitions, from: 1),
            .number("fetch.max.bytes", \.maxFetchBytes, from: 1),
            .number("max.incremental.fetch.session.cache.slots", \.maxFetchSessions),
            .milliseconds("connection.failed.authentication.delay.ms", \.failedLogInDelay),
            .milliseconds("connections.max.reauth.ms", \.logInLifetime, from: 1),
            superUsersSetting, authorizerSetting, .flag("moldau.insecure", \.isInsecure),
            .milliseconds("moldau.stall.timeout.ms", \.stallTimeout, from: 1),
            .milliseconds("moldau.stop.timeout.ms", \.stopTimeout),
            .milliseconds("moldau.log.in.timeout.ms", \.logInTimeout, from: 1),
            .number("moldau.max.topics", \.maxTopics), .number("moldau.max.partitions", \.maxPartitions),
        ] + ServerCertificates.namedSettings.map { $0.within(\.certificates) }

    /// - Throws: `ServerError.tls`.
    public mutating func settle() throws { try certificates.settle(&tls) }

    /// `User:admin;User:ann`.
    private static let superUsersSetting = NamedSetting<ServerOptions>(
        "super.users", expected: "User:NAME, several separated by semicolons",
        value: { options in
            options.superUsers.isEmpty ? nil : options.superUsers.sorted().map { "User:\($0)" }.joined(separator: ";")
        },
        set: { options, text in
            let principals = text.split(separator: ";").map { $0.drop(while: \.isWhitespace) }
            guard principals.allSatisfy({ $0.hasPrefix("User:") && $0.count > 5 }) else { return false }
            options.superUsers = Set(principals.map { String($0.dropFirst(5)) })
            return true
        })

    /// Kafka expects a class name. Only that of its standard authorizer is accepted here, or an empty value.
    private static let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    private static let authorizerSetting = NamedSetting<ServerOptions>(
        "authorizer.class.name", expected: "\(authorizer), or nothing",
        value: { $0.checksAccess ? authorizer : nil },
        set: { options, text in
            options.checksAccess = !text.isEmpty
            return text.isEmpty || text == authorizer
        })

    /// The settings that clients can read, and their types.
    private static let described: [String: TopicSetting.Kind] = [
        "auto.create.topics.enable": .boolean, "num.partitions": .int, "socket.request.max.bytes": .int,
        "queued.max.requests": .int, "max.connections": .int, "max.connections.per.ip": .int,
        "num.network.threads": .int, "num.io.threads": .int, "fetch.max.bytes": .int,
        "max.incremental.fetch.session.cache.slots": .int, "connections.max.idle.ms": .long,
    ]

    /// The current values of the broker's settings, by Kafka's names.
    var settings: [String: (value: String, kind: TopicSetting.Kind, isDefault: Bool)] {
        let defaults = ServerOptions()
        var settings: [String: (value: String, kind: TopicSetting.Kind, isDefault: Bool)] = [
            "default.replication.factor": ("1", .int, true),
            "offsets.topic.replication.factor": ("1", .short, false),
            "transaction.state.log.replication.factor": ("1", .short, false),
            "broker.id": ("1", .int, false), "node.id": ("1", .int, false),
        ]
        for setting in Self.namedSettings {
            guard let kind = Self.described[setting.name], let value = setting.value(self) else { continue }
            settings[setting.name] = (value, kind, value == setting.value(defaults))
        }
        return settings
    }
}
