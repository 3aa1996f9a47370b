/// How a member of a group behaves whose work is divided by whoever uses the client. Names and defaults are Kafka's.
package struct GroupSeatOptions: Sendable {
    /// The name that Kafka Streams has for its way of dividing work. Who offers only others cannot join.
    static let protocolName = "stream"

    /// `group.id`.
    package var group: String
    /// `group.instance.id`: the name of a member that keeps its work over a restart.
    package var instanceID: String?
    /// `session.timeout.ms`: a member that is not heard for so long is taken for dead.
    package var sessionTimeout = Duration.seconds(45)
    /// `heartbeat.interval.ms`.
    package var heartbeatInterval = Duration.seconds(3)
    /// `rebalance.timeout.ms`: how long the others are waited for when the work is divided.
    package var rebalanceTimeout = Duration.seconds(60)

    /// A member of that group.
    package init(group: String) { self.group = group }
}
