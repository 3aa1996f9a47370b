internal import MoldauLog
internal import MoldauRecords

/// The limits of a server, and what it does by itself. Where Kafka's broker has the setting, its name is told.
public struct ServerOptions: Sendable {
    /// `socket.request.max.bytes`: the largest request; a client that announces more is disconnected.
    public var maxRequestBytes = 100 << 20
    /// `queued.max.request.bytes`: how much memory requests and answers of all connections may take together. Over it
    /// nothing more is read; what waits for a client itself gives way, the largest first.
    public var maxMemoryBytes = 128 << 20
    /// `queued.max.requests`, for each connection: how many requests may wait for their answers.
    public var maxUnansweredRequests = 500
    /// `max.connections`: how many connections there may be; more are closed at once.
    public var maxConnections = 12_000
    /// `max.connections.per.ip`: … from one address.
    public var maxConnectionsPerAddress = 12_000
    /// `connections.max.idle.ms`: a connection that asks for nothing is closed after this time.
    public var idleTimeout = Duration.seconds(600)
    /// How long a client may take to send a request that it has begun, or to read what was sent to it: after this
    /// time without progress it is disconnected. Large requests have a second more for each MiB.
    public var stallTimeout = Duration.seconds(30)
    /// How long requests that have begun have to finish when the server stops.
    public var stopTimeout = Duration.seconds(10)
    /// `num.network.threads`: threads that read and write sockets.
    public var networkThreads = 2
    /// `num.io.threads`: threads that do the work of requests.
    public var workThreads = 4
    /// `auto.create.topics.enable`: whether a topic is created when a client that allows it asks for it.
    public var createsTopics = true
    /// `num.partitions`: how many partitions topics have for which nobody says it.
    public var defaultPartitions: Int32 = 1
    /// `fetch.max.bytes`: the most that one fetch brings, if the first batch is not larger.
    public var maxFetchBytes = 55 << 20
    /// `max.incremental.fetch.session.cache.slots`: how many fetch sessions there may be.
    public var maxFetchSessions = 1_000
    /// Whether addresses are allowed that other machines can reach, without encryption and log-in.
    public var isInsecure = false

    /// Kafka's defaults where it has them.
    public init() {}
}

extension ServerOptions {
    /// What the broker's settings are here, by Kafka's names.
    var settings: [String: (value: String, kind: TopicSetting.Kind, isDefault: Bool)] {
        let defaults = ServerOptions()
        func number(_ path: KeyPath<ServerOptions, Int>) -> (String, TopicSetting.Kind, Bool) {
            ("\(self[keyPath: path])", .int, self[keyPath: path] == defaults[keyPath: path])
        }
        return [
            "auto.create.topics.enable": ("\(createsTopics)", .boolean, createsTopics == defaults.createsTopics),
            "num.partitions": ("\(defaultPartitions)", .int, defaultPartitions == defaults.defaultPartitions),
            "default.replication.factor": ("1", .int, true),
            "offsets.topic.replication.factor": ("1", .short, false),
            "transaction.state.log.replication.factor": ("1", .short, false),
            "socket.request.max.bytes": number(\.maxRequestBytes),
            "queued.max.requests": number(\.maxUnansweredRequests),
            "max.connections": number(\.maxConnections), "max.connections.per.ip": number(\.maxConnectionsPerAddress),
            "num.network.threads": number(\.networkThreads), "num.io.threads": number(\.workThreads),
            "fetch.max.bytes": number(\.maxFetchBytes),
            "max.incremental.fetch.session.cache.slots": number(\.maxFetchSessions),
            "connections.max.idle.ms": (
                "\(idleTimeout.milliseconds)", .long, idleTimeout == defaults.idleTimeout
            ),
            "broker.id": ("1", .int, false), "node.id": ("1", .int, false),
        ]
    }
}
