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
    /// `request.timeout.ms`: how long a broker may take to answer.
    public var requestTimeout = Duration.seconds(30)
    /// `delivery.timeout.ms`: how long records may take to be delivered, and a commit to be done, with all that is
    /// repeated. A stream thread fails after that.
    public var deliveryTimeout = Duration.seconds(120)

    /// The defaults.
    public init() {}
}
