internal import MoldauRecords

/// Limits for producers, by Kafka's settings where they exist.
package struct ProducerLimits: Sendable {
    /// The longest that a client may let a transaction be open: `transaction.max.timeout.ms`.
    package var longestTransaction = Duration.seconds(900)
    /// A transactional id expires when it has been unused for this long: `transactional.id.expiration.ms`.
    package var idExpiration = Duration.seconds(7 * 86_400)
    /// In a partition, a producer that has not written for this long expires: `producer.id.expiration.ms`.
    package var producerExpiration = Duration.seconds(86_400)
    /// How many transactional ids may exist; more are refused.
    package var transactionalIDs = 10_000
    /// How many bytes a new transactional id may have. Kafka's limit is that of a text.
    package var maxIDBytes = 1_024
    /// How many idempotent producers a partition remembers; more are refused.
    package var producersPerPartition = 10_000

    package init() {}
}
