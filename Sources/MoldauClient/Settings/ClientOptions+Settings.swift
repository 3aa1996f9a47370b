public import MoldauRecords

extension ClientOptions: NamedSettings {
    public static let namedSettings: [NamedSetting<ClientOptions>] =
        [
            NamedSetting(
                "bootstrap.servers", expected: "HOST:PORT, several separated by commas",
                value: { $0.bootstrapServers.map(\.description).joined(separator: ",") },
                set: { options, text in
                    guard let named = try? ClientOptions(bootstrapServers: text) else { return false }
                    options.bootstrapServers = named.bootstrapServers
                    return true
                }),
            .text("client.id", \.clientID), .milliseconds("request.timeout.ms", \.requestTimeout, from: 1),
            .milliseconds("socket.connection.setup.timeout.ms", \.connectTimeout, from: 1),
            .milliseconds("reconnect.backoff.ms", \.reconnectBackoff),
            .milliseconds("reconnect.backoff.max.ms", \.reconnectBackoffMax),
            .milliseconds("retry.backoff.ms", \.retryBackoff),
            .milliseconds("retry.backoff.max.ms", \.retryBackoffMax),
            .milliseconds("metadata.max.age.ms", \.metadataMaxAge, from: 1),
            .flag("allow.auto.create.topics", \.createsTopics),
        ] + ClientSecurity.namedSettings.map { $0.within(\.security) }

    /// - Throws: `ClientError.invalidSetting`.
    public mutating func settle() throws { try security.settle(&tls, &logIn) }
}
