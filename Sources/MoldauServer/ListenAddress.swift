/// An address that a server listens on.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address of the internet protocol, version 4 or 6.
    public let host: String
    /// 0 has the system choose one.
    public let port: Int

    /// The address of that host and port.
    public init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// A port that only programs on this machine can reach.
    public static func localhost(_ port: Int) -> ListenAddress { ListenAddress(host: "127.0.0.1", port: port) }

    /// Parses `HOST:PORT`, where an address of version 6 stands in brackets: `[::1]:9092`. nil for other text.
    public init?(_ text: String) {
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
        self.init(host: String(host), port: Int(port))
    }

    /// `HOST:PORT`.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether no other machine can reach it.
    var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil } && numbers[0] == "127"
    }
}
