public import MoldauRecords

extension ProducerOptions: NamedSettings {
    public static let namedSettings: [NamedSetting<ProducerOptions>] = [
        .choice("acks", \.acks, [("all", .all), ("-1", .all), ("0", .none), ("1", .leader)]),
        .flag("enable.idempotence", \.idempotence), .number("batch.size", \.batchSize, from: 1),
        .milliseconds("linger.ms", \.linger), .number("buffer.memory", \.bufferMemory, from: 1),
        .milliseconds("max.block.ms", \.maxBlock), .number("max.request.size", \.maxRequestSize, from: 1),
        .number("max.in.flight.requests.per.connection", \.maxInFlight, from: 1),
        .choice("compression.type", \.compression, Compression.allCases.map { ($0.rawValue, $0) }),
        .milliseconds("delivery.timeout.ms", \.deliveryTimeout), .text("transactional.id", \.transactionalID),
        .milliseconds("transaction.timeout.ms", \.transactionTimeout, from: 1),
    ]

    /// - Throws: `ClientError.invalidSetting`.
    public mutating func settle() throws { try check() }
}
