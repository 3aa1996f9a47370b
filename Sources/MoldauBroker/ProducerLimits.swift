internal import MoldauRecords

/// What producers may use, by Kafka's settings where it has them.
package struct ProducerLimits: Sendable {
    /// The longest that a client may let a transaction be open: `transaction.max.timeout.ms`.
    package var longestTransaction = Duration.seconds(900)
    /// A transactional id that nobody uses for this long is forgotten: `transactional.id.expiration.ms`.
    package var idExpiration = Duration.seconds(7 * 86_400)
    /// A partition forgets a producer that has not written to it for this long: `producer.id.expiration.ms`.
    package var producerExpiration = Duration.seconds(86_400)
    /// How many transactional ids may exist; more are refused.
    package var transactionalIDs = 10_000
    /// How many bytes a new transactional id may have. Kafka's limit is that of a text.
    package var maxIDBytes = 1_024
    /// How many idempotent producers a partition remembers; more are refused.
    package var producersPerPartition = 10_000

    package init() {}
}
