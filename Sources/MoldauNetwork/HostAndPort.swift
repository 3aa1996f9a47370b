/// Where a program listens, as people write it: `HOST:PORT`, where an address of version 6 stands in brackets:
/// `[::1]:9092`.
package struct HostAndPort: Equatable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// nil for other text.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            let host = Self.host(text[..<colon])
        else { return nil }
        self.init(host: host, port: Int(port))
    }

    /// Without brackets; nil if it is no host.
    package static func host(_ text: some StringProtocol) -> String? {
        if text.hasPrefix("["), text.hasSuffix("]") {
            return text.count > 2 ? String(text.dropFirst().dropLast()) : nil
        }
        return text.isEmpty || text.contains(":") ? nil : String(text)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
