public import Configuration
internal import Foundation
internal import MoldauRecords

/// Where settings come from: a file, the environment, the command line, or a provider of swift-configuration.
public struct SettingsSource: Sendable {
    /// A setting as the source spells it, and the name that is probably meant.
    struct Spelling: Sendable {
        let spelled: String
        let meant: String
    }

    /// The source's name in errors and reports.
    let origin: String
    /// The settings in the source; nil if it cannot list them.
    let held: [Spelling]?
    /// How the source spells a setting.
    private let spell: @Sendable (String) -> String
    private let lookUp: @Sendable (AbsoluteConfigKey) throws -> String?

    private init(
        _ origin: String, held: [Spelling]?, spell: @escaping @Sendable (String) -> String = { $0 },
        lookUp: @escaping @Sendable (AbsoluteConfigKey) throws -> String?
    ) {
        (self.origin, self.held, self.spell, self.lookUp) = (origin, held, spell, lookUp)
    }

    /// A file in Kafka's properties format: a line `name=value` for each setting; lines that begin with # or ! are
    /// comments.
    /// - Throws: `SettingError.unreadable`.
    public static func properties(file path: String) throws -> SettingsSource {
        let origin = "file '\(path)'"
        guard let bytes = FileManager.default.contents(atPath: path), let text = String(bytes: bytes, encoding: .utf8)
        else { throw SettingError.unreadable(origin: origin, reason: "it cannot be read, or is not UTF-8") }
        return try properties(text, origin: origin)
    }

    /// A text in Kafka's properties format.
    /// - Parameters:
    ///   - text: the content of such a file.
    ///   - origin: the source's name in errors and reports.
    /// - Throws: `SettingError.unreadable`.
    public static func properties(_ text: String, origin: String) throws -> SettingsSource {
        values(try Properties(text, origin: origin).values, origin: origin)
    }

    /// Settings by name.
    public static func values(_ values: [String: String], origin: String) -> SettingsSource {
        let provider = InMemoryProvider(
            name: origin,
            values: Dictionary(
                values.map { (AbsoluteConfigKey(ConfigKey($0)), ConfigValue(.string($1), isSecret: false)) }
            ) { $1 })
        return SettingsSource(
            origin, held: values.keys.sorted().map { Spelling(spelled: $0, meant: $0) },
            lookUp: { try provider.text($0, .string) })
    }

    /// Environment variables: with the prefix `SHOP`, `SHOP_COMMIT_INTERVAL_MS` is `commit.interval.ms`.
    /// - Parameters:
    ///   - prefix: what the names of the variables begin with, before an underscore.
    ///   - variables: nil for the environment of this process.
    public static func environment(prefix: String, _ variables: [String: String]? = nil) -> SettingsSource {
        let variables = (variables ?? ProcessInfo.processInfo.environment).filter { $0.key.hasPrefix("\(prefix)_") }
        let provider = EnvironmentVariablesProvider(environmentVariables: variables)
        return SettingsSource(
            "environment",
            held: variables.keys.sorted().map { name in
                Spelling(
                    spelled: name,
                    meant: String(name.dropFirst(prefix.count + 1)).lowercased().replacing("_", with: "."))
            },
            spell: { "\(prefix)_\($0.uppercased().replacing(".", with: "_"))" },
            lookUp: { try provider.text($0.prepending(ConfigKey([prefix])), .string) })
    }

    /// Command-line arguments: `--commit.interval.ms=100`, or `--commit-interval-ms 100`. Pass only those that are
    /// settings.
    public static func arguments(_ arguments: [String]) -> SettingsSource {
        // An argument without `--` is the value of the one before it.
        let plain = arguments.map { argument -> String in
            guard argument.hasPrefix("--") else { return argument }
            let name = argument.prefix { $0 != "=" }
            return String(name).replacing(".", with: "-") + argument[name.endIndex...]
        }
        let names = plain.filter { $0.hasPrefix("--") }.map { String($0.prefix { $0 != "=" }) }
        let provider = CommandLineArgumentsProvider(arguments: ["program"] + plain)
        return SettingsSource(
            "command line",
            held: Set(names).sorted().map {
                Spelling(spelled: $0, meant: String($0.dropFirst(2)).replacing("-", with: "."))
            },
            spell: { "--\($0.replacing(".", with: "-"))" },
            // The provider reads values with commas as lists.
            lookUp: { try provider.text($0, .stringArray) })
    }

    /// A provider of swift-configuration. It cannot list its names, so unknown ones are not reported.
    public static func provider(_ provider: some ConfigProvider) -> SettingsSource {
        SettingsSource(provider.providerName, held: nil) { key in
            var failure: (any Error)?
            for type in [ConfigType.string, .stringArray, .int, .bool, .double] {
                do {
                    if let text = try provider.text(key, type) { return text }
                } catch {
                    failure = failure ?? error
                }
            }
            if let failure { throw failure }
            return nil
        }
    }

    /// The value of a setting; nil if the source does not have it.
    /// - Throws: `SettingError.unreadable`.
    func value(of name: String) throws -> String? {
        do {
            return try lookUp(AbsoluteConfigKey(ConfigKey(name)))
        } catch {
            throw SettingError.unreadable(origin: origin, reason: "the setting \(name) cannot be read: \(error)")
        }
    }

    /// The probable names of all settings in the source.
    var names: [String] { held?.map(\.meant) ?? [] }

    /// The first entry of the source that is not one of these settings.
    func stranger(to names: Set<String>) -> Spelling? {
        let known = Set(names.map(spell))
        return held?.first { !known.contains($0.spelled) }
    }
}

extension ConfigProvider {
    /// The value as text, if it is of that type.
    fileprivate func text(_ key: AbsoluteConfigKey, _ type: ConfigType) throws -> String? {
        switch try value(forKey: key, type: type).value?.content {
        case .string(let text)?: text
        case .stringArray(let texts)?: texts.joined(separator: ",")
        case .int(let number)?: "\(number)"
        case .bool(let flag)?: "\(flag)"
        case .double(let number)?: "\(number)"
        default: nil
        }
    }
}
