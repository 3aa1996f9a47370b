public import MoldauRecords

extension ConsumerOptions: NamedSettings {
    public static let namedSettings: [NamedSetting<ConsumerOptions>] = [
        .text("group.id", \.group), .text("group.instance.id", \.instanceID),
        .choice("group.protocol", \.groupProtocol, [("classic", .classic), ("consumer", .consumer)]),
        .text("group.remote.assignor", \.remoteAssignor),
        .choice(
            "auto.offset.reset", \.offsetReset, [("latest", .latest), ("earliest", .earliest), ("none", .none)]),
        .choice(
            "isolation.level", \.isolation,
            [("read_uncommitted", .readUncommitted), ("read_committed", .readCommitted)]),
        .flag("enable.auto.commit", \.commitsAutomatically),
        .milliseconds("auto.commit.interval.ms", \.autoCommitInterval),
        .number("max.poll.records", \.maxPollRecords, from: 1),
        .milliseconds("max.poll.interval.ms", \.maxPollInterval, from: 1),
        .milliseconds("session.timeout.ms", \.sessionTimeout, from: 1),
        .milliseconds("heartbeat.interval.ms", \.heartbeatInterval, from: 1),
        NamedSetting(
            "partition.assignment.strategy",
            expected: "range, roundrobin or cooperative-sticky, with commas in between",
            value: { $0.assignors.map(\.rawValue).joined(separator: ",") },
            set: { options, text in
                let names = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
                let assignors = names.compactMap(Assignor.init(named:))
                guard !assignors.isEmpty, assignors.count == names.count else { return false }
                options.assignors = assignors
                return true
            }),
        .number("fetch.min.bytes", \.fetchMinBytes), .milliseconds("fetch.max.wait.ms", \.fetchMaxWait),
        .number("fetch.max.bytes", \.fetchMaxBytes, from: 1),
        .number("max.partition.fetch.bytes", \.maxPartitionFetchBytes, from: 1),
        .flag("check.crcs", \.checksSums), .milliseconds("default.api.timeout.ms", \.apiTimeout, from: 1),
    ]

    /// - Throws: `ClientError.invalidSetting`.
    public mutating func settle() throws { try check() }
}

extension ConsumerOptions.Assignor {
    /// By its own name, or that of Java's class for it.
    fileprivate init?(named name: String) {
        switch name.split(separator: ".").last.map(String.init) {
        case "RangeAssignor": self = .range
        case "RoundRobinAssignor": self = .roundRobin
        case "CooperativeStickyAssignor": self = .cooperativeSticky
        default: self.init(rawValue: name)
        }
    }
}
