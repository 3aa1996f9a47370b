package import MoldauRecords
package import MoldauWire

/// What a client needs from outside: time, chance, the network, and one place where things happen in order. A test or a
/// simulator has one of its own, without sockets.
package protocol ClientWorld: Sendable {
    /// A clock that is never set.
    var now: Duration { get }
    /// The time of day, for records' timestamps.
    var time: Timestamp { get }
    /// From 0 up to, not including, 1.
    func chance() -> Double
    /// Runs this soon, after everything that was to run before.
    func perform(_ body: @escaping @Sendable () -> Void)
    /// Runs this after a while, among what `perform` runs.
    func perform(after delay: Duration, _ body: @escaping @Sendable () -> Void)
    /// Begins to make a connection. Requests may be sent at once: they wait for it.
    func connect(to address: BrokerAddress) -> any BrokerLink
}

/// A connection to a broker, which ends once and for all. Used within `ClientWorld.perform` only, and answers there.
package protocol BrokerLink: AnyObject, Sendable {
    /// Sends a request in the highest version that both sides speak, and `maxVersion` at most.
    ///
    /// Requests are sent in the order of the calls and answered in that order, without one waiting for the answer to
    /// another. `answer` is called once, never within the call. A produce request with `acks` 0 is answered, with
    /// nothing in the answer, when it is sent.
    func send<Request: WireRequest>(
        _ request: Request, maxVersion: Int16, timeout: Duration,
        then answer: @escaping @Sendable (Result<Request.Response, ClientError>) -> Void)
    /// Fails all requests that wait, and those to come.
    func close()
    /// Whether requests may still be sent.
    var isOpen: Bool { get }
    /// Whether the broker was reached.
    var wasReady: Bool { get }
}
