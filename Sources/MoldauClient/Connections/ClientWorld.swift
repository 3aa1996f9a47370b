package import MoldauRecords
package import MoldauWire

/// A client's environment: clocks, randomness, the network, and one place where events run in order. Tests and
/// simulators have their own, without sockets.
package protocol ClientWorld: Sendable {
    /// A monotonic clock.
    var now: Duration { get }
    /// The wall clock, for records' timestamps.
    var time: Timestamp { get }
    /// A random number from 0 up to, not including, 1.
    func chance() -> Double
    /// Runs the closure soon, after all those scheduled before.
    func perform(_ body: @escaping @Sendable () -> Void)
    /// Runs the closure after a delay, in order with those of `perform`.
    func perform(after delay: Duration, _ body: @escaping @Sendable () -> Void)
    /// Starts to connect. Requests may be sent at once; they wait for the connection.
    func connect(to address: BrokerAddress) -> any BrokerLink
}

/// A connection to a broker; once it has ended, it stays closed. Used only within `ClientWorld.perform`, where it also
/// calls back.
package protocol BrokerLink: AnyObject, Sendable {
    /// Sends a request in the highest version that both sides support, and `maxVersion` at most.
    ///
    /// Requests are pipelined: sent in the order of the calls and answered in that order, without waiting for earlier
    /// responses. `answer` is called once, never within the call. A produce request with `acks` 0 gets an empty
    /// response when it is sent.
    func send<Request: WireRequest>(
        _ request: Request, maxVersion: Int16, timeout: Duration,
        then answer: @escaping @Sendable (Result<Request.Response, ClientError>) -> Void)
    /// Fails all pending requests, and later ones.
    func close()
    /// Whether requests may still be sent.
    var isOpen: Bool { get }
    /// Whether the connection was established.
    var wasReady: Bool { get }
}
