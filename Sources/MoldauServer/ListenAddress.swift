internal import MoldauNetwork

/// An address that a server listens on.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an IPv4 or IPv6 address.
    public let host: String
    /// With 0 the system chooses a port.
    public let port: Int
    /// How clients connect to it.
    public let security: SecurityProtocol
    /// The host that clients are given to reconnect to; nil: the one that they connected to.
    public private(set) var advertisedHost: String?
    /// The port there; nil: the one that they connected to.
    public private(set) var advertisedPort: Int?

    /// The address of that host and port.
    public init(host: String, port: Int, security: SecurityProtocol = .plaintext) {
        (self.host, self.port, self.security) = (host, port, security)
    }

    /// A port that only programs on this machine can reach.
    public static func localhost(_ port: Int) -> ListenAddress { ListenAddress(host: "127.0.0.1", port: port) }

    /// The same address, for clients that reach it by another name or port, for example through a port mapping. A
    /// client reconnects to the address that the broker advertises (Kafka's `advertised.listeners`).
    /// - Parameters:
    ///   - host: the name or address that clients connect to.
    ///   - port: nil: the same port.
    public func advertised(host: String, port: Int? = nil) -> ListenAddress {
        var copy = self
        (copy.advertisedHost, copy.advertisedPort) = (host, port)
        return copy
    }

    /// The same address with the port that the system chose.
    func with(port: Int) -> ListenAddress {
        var copy = ListenAddress(host: host, port: port, security: security)
        (copy.advertisedHost, copy.advertisedPort) = (advertisedHost, advertisedPort)
        return copy
    }

    /// Parses `HOST:PORT`, with an IPv6 address in brackets: `[::1]:9092`. It may be preceded by the security protocol,
    /// as in Kafka: `SASL_SSL://0.0.0.0:9093`. It may be followed by the advertised address, with or without a port:
    /// `0.0.0.0:9092=kafka.example.org:19092`. nil for other text.
    public init?(_ text: String) {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if sides.count == 2 {
            guard let address = ListenAddress(String(sides[0])), let told = Self.advertisement(sides[1]) else {
                return nil
            }
            self = address.advertised(host: told.host, port: told.port)
            return
        }
        var text = text[...]
        var security = SecurityProtocol.plaintext
        if let mark = text.firstRange(of: "://") {
            guard let named = SecurityProtocol(rawValue: text[..<mark.lowerBound].uppercased()) else { return nil }
            security = named
            text = text[mark.upperBound...]
        }
        guard let place = HostAndPort(text) else { return nil }
        self.init(host: place.host, port: place.port, security: security)
    }

    /// Clients cannot connect to the wildcard addresses, which mean all addresses of a machine.
    private static func advertisement(_ text: Substring) -> (host: String, port: Int?)? {
        let told: (host: String, port: Int?)? =
            HostAndPort(text).map { ($0.host, $0.port) } ?? HostAndPort.host(text).map { ($0, nil) }
        guard let told, told.port != 0, !["0.0.0.0", "::"].contains(told.host), !told.host.contains("=") else {
            return nil
        }
        return told
    }

    /// `HOST:PORT`; `SASL_SSL://HOST:PORT` and the like, unless the protocol is plain text without a log-in.
    public var description: String {
        security == .plaintext ? place : "\(security.rawValue)://\(place)"
    }

    /// Without the security protocol.
    var place: String { HostAndPort(host: host, port: port).description }

    /// Whether only this machine can reach it.
    var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil } && numbers[0] == "127"
    }
}
