import MoldauRecords
import MoldauServer

/// The settings of `moldau broker` besides those of its server.
struct BrokerSettings: NamedSettings {
    /// `log.dirs`: the data directory; nil if it is not set.
    var directory: String?
    /// `listeners`.
    var listeners = [ListenAddress.localhost(9092)]
    /// `advertised.listeners`.
    var advertised: [ListenAddress] = []
    /// Whether records are acknowledged only once they are durable.
    var isDurable = true

    static let namedSettings: [NamedSetting<BrokerSettings>] = [
        .text("log.dirs", \.directory),
        addresses("listeners", \.listeners, expected: "addresses, such as 127.0.0.1:9092 or SASL_SSL://0.0.0.0:9093"),
        addresses(
            "advertised.listeners", \.advertised, expected: "addresses, such as SASL_SSL://kafka.example.org:9093"),
        .choice("moldau.durability", \.isDurable, [("sync", true), ("os", false)]),
    ]

    private static func addresses(
        _ name: String, _ path: any WritableKeyPath<BrokerSettings, [ListenAddress]> & Sendable, expected: String
    ) -> NamedSetting<BrokerSettings> {
        NamedSetting(
            name, expected: "\(expected), separated by commas",
            value: { settings in
                let addresses = settings[keyPath: path]
                return addresses.isEmpty ? nil : addresses.map(\.description).joined(separator: ",")
            },
            set: { settings, text in
                let texts = text.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
                let addresses = texts.compactMap(ListenAddress.init)
                guard !addresses.isEmpty, addresses.count == texts.count else { return false }
                settings[keyPath: path] = addresses
                return true
            })
    }

    /// Clients of a listener are given the advertised address with the same security protocol.
    mutating func settle() throws {
        for told in advertised {
            guard let place = listeners.firstIndex(where: { $0.security == told.security }) else {
                throw SettingError.impossible(
                    name: "advertised.listeners", value: told.description,
                    expected: "addresses of the kinds that 'listeners' has")
            }
            listeners[place] = listeners[place].advertised(host: told.host, port: told.port)
        }
    }
}
