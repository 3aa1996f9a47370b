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
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    /// `HOST:PORT`.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
