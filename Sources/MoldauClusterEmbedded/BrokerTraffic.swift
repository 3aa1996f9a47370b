internal import Synchronization

/// A broker's traffic over the network. Counted by its server, if it has one; per read and per write, not per record.
package final class BrokerTraffic: Sendable {
    private let requests = Atomic<Int64>(0)
    private let received = Atomic<Int64>(0)
    private let sent = Atomic<Int64>(0)
    private let open = Atomic<Int>(0)

    package init() {}

    package var requestCount: Int64 { requests.load(ordering: .relaxed) }
    package var bytesReceived: Int64 { received.load(ordering: .relaxed) }
    package var bytesSent: Int64 { sent.load(ordering: .relaxed) }
    package var connectionCount: Int { open.load(ordering: .relaxed) }

    /// Called when requests were received.
    package func asked(_ count: Int) { requests.add(Int64(count), ordering: .relaxed) }
    /// Called when bytes were received.
    package func received(_ bytes: Int) { received.add(Int64(bytes), ordering: .relaxed) }
    /// Called when bytes were sent.
    package func sent(_ bytes: Int) { sent.add(Int64(bytes), ordering: .relaxed) }
    /// Called when a connection was opened.
    package func opened() { open.add(1, ordering: .relaxed) }
    /// Called when a connection was closed.
    package func closed() { open.subtract(1, ordering: .relaxed) }
}
