/// Options that can be set by name, for example from a file: by Kafka's name if Kafka has the setting.
public protocol NamedSettings {
    /// All settings with fixed names.
    static var namedSettings: [NamedSetting<Self>] { get }

    /// The settings of which only the prefix of the name is known.
    static var namedSettingMaps: [NamedSettingMap<Self>] { get }

    /// Called once after all settings were set.
    /// - Throws: an error that says which settings contradict each other.
    mutating func settle() throws
}

extension NamedSettings {
    /// None.
    public static var namedSettingMaps: [NamedSettingMap<Self>] { [] }

    /// Does nothing.
    public mutating func settle() throws {}
}

/// An option of a type that can be set by name, as text.
public struct NamedSetting<Options>: Sendable {
    /// The name.
    public let name: String
    /// Whether the value must not be shown.
    public let isSecret: Bool
    /// The value as text; nil if it is not set.
    public let value: @Sendable (Options) -> String?
    /// Sets the value.
    /// - Throws: `SettingError.impossible`.
    public let set: @Sendable (inout Options, String) throws -> Void

    /// A setting.
    /// - Parameters:
    ///   - name: Kafka's name of the setting.
    ///   - isSecret: whether the value must not be shown.
    ///   - expected: describes valid values, for the error: `a whole number`, for example.
    ///   - value: the value as text; nil if it is not set.
    ///   - set: sets the value; returns false if the text is not valid.
    public init(
        _ name: String, isSecret: Bool = false, expected: String,
        value: @escaping @Sendable (Options) -> String?, set: @escaping @Sendable (inout Options, String) -> Bool
    ) {
        self.name = name
        self.isSecret = isSecret
        self.value = value
        self.set = { options, text in
            guard set(&options, text) else {
                throw SettingError.impossible(name: name, value: isSecret ? nil : text, expected: expected)
            }
        }
    }
}

/// All settings whose names begin with a prefix, kept as text by name.
public struct NamedSettingMap<Options>: Sendable {
    /// The prefix of the names; they are kept without it.
    public let prefix: String
    /// Where the settings are kept.
    public let path: any WritableKeyPath<Options, [String: String]> & Sendable

    /// Settings whose names begin with `prefix`.
    public init(_ prefix: String, _ path: any WritableKeyPath<Options, [String: String]> & Sendable) {
        (self.prefix, self.path) = (prefix, path)
    }
}

extension NamedSetting {
    /// The same setting for options that contain these.
    package func within<Whole>(_ part: any WritableKeyPath<Whole, Options> & Sendable) -> NamedSetting<Whole> {
        let (value, set) = (value, set)
        return NamedSetting<Whole>(
            name: name, isSecret: isSecret, value: { value($0[keyPath: part]) },
            throwing: { try set(&$0[keyPath: part], $1) })
    }

    fileprivate init(
        name: String, isSecret: Bool, value: @escaping @Sendable (Options) -> String?,
        throwing set: @escaping @Sendable (inout Options, String) throws -> Void
    ) {
        (self.name, self.isSecret, self.value, self.set) = (name, isSecret, value, set)
    }
}

/// Why settings were rejected.
public enum SettingError: Error, Equatable, CustomStringConvertible {
    /// There is no setting of that name.
    case unknown(name: String, origin: String, nearest: String?)
    /// The value is not valid for the setting; nil if it is secret.
    case impossible(name: String, value: String?, expected: String)
    /// A source cannot be read or parsed, or has a value that is not valid.
    case unreadable(origin: String, reason: String)

    public var description: String {
        switch self {
        case .unknown(let name, let origin, let nearest):
            "unknown setting '\(name)' (\(origin))" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
        case .impossible(let name, let value, let expected):
            "the setting \(name) takes \(expected)" + (value.map { ", not '\($0)'" } ?? "")
        case .unreadable(let origin, let reason): "\(origin): \(reason)"
        }
    }
}
