internal import MoldauClient
public import MoldauRecords

extension KafkaOptions: NamedSettings {
    typealias NamedSecurity = ClientSecurity

    public static let namedSettings: [NamedSetting<KafkaOptions>] =
        [
            .number("replication.factor", \.replicationFactor, from: 1), .text("group.instance.id", \.instanceID),
            .milliseconds("session.timeout.ms", \.sessionTimeout, from: 1),
            .milliseconds("heartbeat.interval.ms", \.heartbeatInterval, from: 1),
            .milliseconds("rebalance.timeout.ms", \.rebalanceTimeout, from: 1),
            .milliseconds("request.timeout.ms", \.requestTimeout, from: 1),
            .milliseconds("delivery.timeout.ms", \.deliveryTimeout, from: 1),
        ] + ClientSecurity.namedSettings.map { $0.within(\.security) }

    /// - Throws: an error that names the missing settings of `security.protocol`, `sasl.*` or `ssl.*`.
    public mutating func settle() throws { try security.settle(&tls, &logIn) }
}
