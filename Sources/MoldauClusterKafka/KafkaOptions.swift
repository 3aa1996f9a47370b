@_exported public import struct MoldauClient.ClientLogIn
@_exported public import struct MoldauClient.ClientTLS

/// How an application uses a Kafka cluster. Names in doc comments are Kafka's; defaults are Kafka Streams' unless they
/// say otherwise.
public struct KafkaOptions: Sendable {
    /// `security.protocol` and `ssl.*`: nil for connections that are not encrypted.
    public var tls: ClientTLS?
    /// `sasl.*`: nil for no log-in.
    public var logIn: ClientLogIn?
    /// `replication.factor`: on how many brokers each record of the application's own topics is; nil for what the
    /// cluster's settings say (`default.replication.factor`).
    public var replicationFactor: Int16?
    /// `group.instance.id`: a name of this process that no other one has. A process that stops and starts again within
    /// `sessionTimeout` then goes on with its tasks, and no task moves. nil: its tasks go to the others when it stops.
    public var instanceID: String?
    /// `session.timeout.ms`: a process that is not heard for so long is taken for dead, and its tasks go to the others.
    public var sessionTimeout = Duration.seconds(45)
    /// `heartbeat.interval.ms`: how often a process says that it lives, and hears that tasks are to be divided anew.
    public var heartbeatInterval = Duration.seconds(3)
    /// `rebalance.timeout.ms`: how long a process is waited for when tasks are divided. Kafka Streams waits for
    /// `max.poll.interval.ms`, since there a process answers between two polls only.
    public var rebalanceTimeout = Duration.seconds(60)
    /// `request.timeout.ms`: how long a broker may take to answer.
    public var requestTimeout = Duration.seconds(30)
    /// `delivery.timeout.ms`: how long records may take to be delivered, a commit to be done, and a question to be
    /// answered, with all that is repeated. A stream thread fails after that.
    public var deliveryTimeout = Duration.seconds(120)
    /// What was set by name.
    var security = NamedSecurity()

    /// The defaults.
    public init() {}
}
