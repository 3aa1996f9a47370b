@_exported public import struct MoldauClient.ClientLogIn
@_exported public import struct MoldauClient.ClientTLS

/// How an application uses a Kafka cluster. Names in doc comments are Kafka's; defaults are Kafka Streams' unless they
/// say otherwise.
public struct KafkaOptions: Sendable {
    /// `security.protocol` and `ssl.*`: nil for unencrypted connections.
    public var tls: ClientTLS?
    /// `sasl.*`: nil for no log-in.
    public var logIn: ClientLogIn?
    /// `replication.factor`: how many replicas the application's own topics have; nil for the cluster's default
    /// (`default.replication.factor`).
    public var replicationFactor: Int16?
    /// `group.instance.id`: a name that no other process has. A process that restarts within `sessionTimeout` then
    /// resumes its tasks, and no task moves. nil: its tasks are reassigned when it stops.
    public var instanceID: String?
    /// `session.timeout.ms`: a process that sends no heartbeat for this long is considered dead; its tasks are
    /// reassigned.
    public var sessionTimeout = Duration.seconds(45)
    /// `heartbeat.interval.ms`: how often a process sends a heartbeat, whose response announces a rebalance.
    public var heartbeatInterval = Duration.seconds(3)
    /// `rebalance.timeout.ms`: how long a rebalance waits for a process. Kafka Streams waits for
    /// `max.poll.interval.ms`, since there a process answers only between two polls.
    public var rebalanceTimeout = Duration.seconds(60)
    /// `request.timeout.ms`: how long a broker may take to answer.
    public var requestTimeout = Duration.seconds(30)
    /// `delivery.timeout.ms`: how long the delivery of records, a commit or a query may take, including all retries. A
    /// stream thread fails after that.
    public var deliveryTimeout = Duration.seconds(120)
    /// Security settings that were set by name.
    var security = NamedSecurity()

    /// The defaults.
    public init() {}
}
