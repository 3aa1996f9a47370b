public import MoldauRecords

/// Sets options from sources, and records which settings are in force and where each came from.
///
/// ```swift
/// var configuration = StreamsConfiguration()
/// let settings = try SettingsReader.read([.environment(prefix: "SHOP"), .properties(file: "shop.properties")]) {
///     try $0.fill(&configuration)
/// }
/// ```
public struct SettingsReader {
    /// A setting that is in force.
    public struct InForce: Sendable, Equatable {
        /// Kafka's name, where it has one.
        public let name: String
        /// The value; nil if there is none, or if it is secret.
        public let value: String?
        /// Whether the value must not be shown.
        public let isSecret: Bool
        /// Where it came from; nil if no source has set it.
        public let origin: String?
    }

    private let sources: [SettingsSource]
    private var names: Set<String> = []
    /// The values that the options were set to, by name.
    public private(set) var inForce: [InForce] = []

    private init(_ sources: [SettingsSource]) { self.sources = sources }

    /// Calls `body` to fill options, then checks that the sources contain no other settings.
    /// - Parameters:
    ///   - sources: in order of precedence, the highest first.
    ///   - body: fills the options.
    /// - Returns: the settings in force, by name.
    /// - Throws: `SettingError`; for an unknown name, with the closest known one; what `body` throws.
    @discardableResult
    public static func read(
        _ sources: [SettingsSource], _ body: (inout SettingsReader) throws -> Void
    ) throws -> [InForce] {
        var reader = SettingsReader(sources)
        try body(&reader)
        try reader.requireNoOthers()
        return reader.inForce.sorted(on: \.name)
    }

    /// Sets these options from the sources.
    /// - Returns: the values that they are set to.
    /// - Throws: `SettingError`; the options' own error if their values contradict each other.
    @discardableResult
    public mutating func fill<Options: NamedSettings>(_ options: inout Options) throws -> [InForce] {
        var origins: [String: String] = [:]
        for setting in Options.namedSettings {
            for source in sources where origins[setting.name] == nil {
                guard let text = try source.value(of: setting.name) else { continue }
                do {
                    try setting.set(&options, text)
                } catch {
                    throw SettingError.unreadable(origin: source.origin, reason: "\(error)")
                }
                origins[setting.name] = source.origin
            }
        }
        for map in Options.namedSettingMaps { try fill(&options[keyPath: map.path], map.prefix, &origins) }
        try options.settle()
        var filled = Options.namedSettings.map { setting in
            let value = setting.value(options)
            return InForce(
                name: setting.name, value: setting.isSecret ? nil : value,
                isSecret: setting.isSecret && value != nil, origin: origins[setting.name])
        }
        for map in Options.namedSettingMaps {
            filled += options[keyPath: map.path].sorted(on: \.key).map { name, value in
                let name = map.prefix + name
                return InForce(name: name, value: value, isSecret: false, origin: origins[name])
            }
        }
        inForce += filled.filter { names.insert($0.name).inserted }
        return filled
    }

    /// Collects all settings whose names have the prefix.
    private func fill(_ map: inout [String: String], _ prefix: String, _ origins: inout [String: String]) throws {
        for source in sources.reversed() {
            for name in source.names where name.hasPrefix(prefix) {
                guard let text = try source.value(of: name) else { continue }
                map[String(name.dropFirst(prefix.count))] = text
                origins[name] = source.origin
            }
        }
    }

    private func requireNoOthers() throws {
        for source in sources {
            guard let stranger = source.stranger(to: names) else { continue }
            throw SettingError.unknown(
                name: stranger.spelled, origin: source.origin, nearest: names.nearest(to: stranger.meant))
        }
    }
}
