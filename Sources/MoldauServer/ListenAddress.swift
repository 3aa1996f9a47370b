/// An address that a server listens on.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address of the internet protocol, version 4 or 6.
    public let host: String
    /// 0 has the system choose one.
    public let port: Int
    /// How clients talk to it.
    public let security: SecurityProtocol

    /// The address of that host and port.
    public init(host: String, port: Int, security: SecurityProtocol = .plaintext) {
        (self.host, self.port, self.security) = (host, port, security)
    }

    /// A port that only programs on this machine can reach.
    public static func localhost(_ port: Int) -> ListenAddress { ListenAddress(host: "127.0.0.1", port: port) }

    /// Parses `HOST:PORT`, where an address of version 6 stands in brackets: `[::1]:9092`. In front of it may stand how
    /// clients talk to it, as Kafka writes it: `SASL_SSL://0.0.0.0:9093`. nil for other text.
    public init?(_ text: String) {
        var text = text[...]
        var security = SecurityProtocol.plaintext
        if let mark = text.firstRange(of: "://") {
            guard let named = SecurityProtocol(rawValue: text[..<mark.lowerBound].uppercased()) else { return nil }
            security = named
            text = text[mark.upperBound...]
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port), security: security)
    }

    /// `HOST:PORT`; `SASL_SSL://HOST:PORT` and the like, unless clients talk to it in plain text without a log-in.
    public var description: String {
        security == .plaintext ? place : "\(security.rawValue)://\(place)"
    }

    /// Without how clients talk to it.
    var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether no other machine can reach it.
    var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil } && numbers[0] == "127"
    }
}
