/// The address that a program listens on, in text form: `HOST:PORT`, with an IPv6 address in brackets: `[::1]:9092`.
package struct HostAndPort: Equatable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// nil if the text is malformed.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            let host = Self.host(text[..<colon])
        else { return nil }
        self.init(host: host, port: Int(port))
    }

    /// The host without brackets; nil if the text is not a host.
    package static func host(_ text: some StringProtocol) -> String? {
        if text.hasPrefix("["), text.hasSuffix("]") {
            return text.count > 2 ? String(text.dropFirst().dropLast()) : nil
        }
        return text.isEmpty || text.contains(":") ? nil : String(text)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
