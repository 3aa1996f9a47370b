internal import MoldauNetwork

/// The address at which a broker listens.
public struct BrokerAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host name, or an IPv4 or IPv6 address.
    public let host: String
    /// The port number.
    public let port: Int

    /// The address of that host and port.
    public init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// Parses `HOST:PORT`, with IPv6 addresses in brackets: `[::1]:9092`; nil if the text is not of that form.
    public init?(_ text: some StringProtocol) {
        guard let place = HostAndPort(text), place.port > 0 else { return nil }
        self.init(host: place.host, port: place.port)
    }

    /// `HOST:PORT`.
    public var description: String { HostAndPort(host: host, port: port).description }
}
