internal import MoldauNetwork

/// Where a broker listens.
public struct BrokerAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address of the internet protocol, version 4 or 6.
    public let host: String
    /// The number of the port.
    public let port: Int

    /// The address of that host and port.
    public init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// Parses `HOST:PORT`, where an address of version 6 stands in brackets: `[::1]:9092`; nil for other text.
    public init?(_ text: some StringProtocol) {
        guard let place = HostAndPort(text), place.port > 0 else { return nil }
        self.init(host: place.host, port: place.port)
    }

    /// `HOST:PORT`.
    public var description: String { HostAndPort(host: host, port: port).description }
}
