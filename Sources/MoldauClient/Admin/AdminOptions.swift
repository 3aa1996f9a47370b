/// How an `AdminClient` works. Names and defaults are Kafka's.
public struct AdminOptions: Sendable {
    /// `default.api.timeout.ms`: how long a question is repeated while a repetition may help.
    public var apiTimeout = Duration.seconds(60)
    /// How long a topic that no broker knows is asked for again: not every broker knows a new topic at once.
    public var unknownTopicPatience = Duration.seconds(1)

    /// Kafka's defaults.
    public init() {}
}
