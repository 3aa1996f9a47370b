public import MoldauRecords

extension ConsumerOptions: NamedSettings {
    public static let namedSettings: [NamedSetting<ConsumerOptions>] = [
        .text("group.id", \.group), .text("group.instance.id", \.instanceID),
        .choice("group.protocol", \.groupProtocol, [("classic", .classic), ("consumer", .consumer)]),
        .text("group.remote.assignor", \.remoteAssignor),
        .value(
            "auto.offset.reset", expected: "latest, earliest, none or by_duration:PnDTnHnMn.nS", \.offsetReset,
            text: { $0.text }, read: { OffsetReset(text: $0) }),
        .choice(
            "isolation.level", \.isolation,
            [("read_uncommitted", .readUncommitted), ("read_committed", .readCommitted)]),
        .flag("enable.auto.commit", \.commitsAutomatically),
        .milliseconds("auto.commit.interval.ms", \.autoCommitInterval),
        .number("max.poll.records", \.maxPollRecords, from: 1),
        .milliseconds("max.poll.interval.ms", \.maxPollInterval, from: 1),
        .milliseconds("session.timeout.ms", \.sessionTimeout, from: 1),
        .milliseconds("heartbeat.interval.ms", \.heartbeatInterval, from: 1),
        .value(
            "partition.assignment.strategy",
            expected: "range, roundrobin, sticky or cooperative-sticky, each once, separated by commas",
            \.assignors, text: { $0.map(\.rawValue).joined(separator: ",") },
            read: { text in
                let names = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
                let assignors = names.compactMap(Assignor.init(named:))
                return assignors.isEmpty || Set(assignors).count < names.count ? nil : assignors
            }),
        .number("fetch.min.bytes", \.fetchMinBytes), .milliseconds("fetch.max.wait.ms", \.fetchMaxWait),
        .number("fetch.max.bytes", \.fetchMaxBytes, from: 1),
        .number("max.partition.fetch.bytes", \.maxPartitionFetchBytes, from: 1),
        .flag("check.crcs", \.checksSums), .milliseconds("default.api.timeout.ms", \.apiTimeout, from: 1),
    ]

    /// - Throws: `ClientError.invalidSetting`.
    public mutating func settle() throws { try check() }
}

extension ConsumerOptions.OffsetReset {
    private static let durationPrefix = "by_duration:"

    fileprivate var text: String {
        switch self {
        case .earliest: "earliest"
        case .latest: "latest"
        case .none: "none"
        case .byDuration(let age): Self.durationPrefix + age.iso8601
        }
    }

    fileprivate init?(text: String) {
        let lowercased = text.lowercased()
        switch lowercased {
        case "earliest": self = .earliest
        case "latest": self = .latest
        case "none": self = .none
        default:
            guard lowercased.hasPrefix(Self.durationPrefix),
                let age = Duration(iso8601: String(lowercased.dropFirst(Self.durationPrefix.count)))
            else { return nil }
            self = .byDuration(age)
        }
    }
}

extension ConsumerOptions.Assignor {
    /// From its short name, or that of Kafka's Java class.
    fileprivate init?(named name: String) {
        let package = "org.apache.kafka.clients.consumer."
        switch name.hasPrefix(package) ? String(name.dropFirst(package.count)) : name {
        case "RangeAssignor": self = .range
        case "RoundRobinAssignor": self = .roundRobin
        case "StickyAssignor": self = .sticky
        case "CooperativeStickyAssignor": self = .cooperativeSticky
        default: self.init(rawValue: name)
        }
    }
}
