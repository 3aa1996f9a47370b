/// The options of a member whose group assigns its work itself. Names and defaults are Kafka's.
package struct GroupSeatOptions: Sendable {
    /// Kafka Streams' protocol name. A member that offers only others cannot join.
    static let protocolName = "stream"

    /// `group.id`.
    package var group: String
    /// `group.instance.id`: the name of a static member, which keeps its work over a restart.
    package var instanceID: String?
    /// `session.timeout.ms`: a member that sends no heartbeat for this long is considered dead.
    package var sessionTimeout = Duration.seconds(45)
    /// `heartbeat.interval.ms`.
    package var heartbeatInterval = Duration.seconds(3)
    /// `rebalance.timeout.ms`: how long a rebalance waits for the other members.
    package var rebalanceTimeout = Duration.seconds(60)

    /// A member of that group.
    package init(group: String) { self.group = group }
}
