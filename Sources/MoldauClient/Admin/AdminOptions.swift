/// The options of an `AdminClient`. Names and defaults are Kafka's.
public struct AdminOptions: Sendable {
    /// `default.api.timeout.ms`: how long a call is retried.
    public var apiTimeout = Duration.seconds(60)
    /// How long a topic that no broker knows is retried: brokers learn of a new topic gradually.
    public var unknownTopicPatience = Duration.seconds(1)

    /// Kafka's defaults.
    public init() {}
}
