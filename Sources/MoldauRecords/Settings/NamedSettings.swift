/// Options that can be set by name, from a file for example: by Kafka's names, where it has them.
public protocol NamedSettings {
    /// The settings that there are.
    static var namedSettings: [NamedSetting<Self>] { get }

    /// The settings of which only the beginnings of their names are known.
    static var namedSettingMaps: [NamedSettingMap<Self>] { get }

    /// Called once all of them are set.
    /// - Throws: an error that says what does not fit together.
    mutating func settle() throws
}

extension NamedSettings {
    /// There are none.
    public static var namedSettingMaps: [NamedSettingMap<Self>] { [] }

    /// Does nothing.
    public mutating func settle() throws {}
}

/// One of the options of a type, by its name, as text.
public struct NamedSetting<Options>: Sendable {
    /// The name.
    public let name: String
    /// Whether the value is not to be shown.
    public let isSecret: Bool
    /// The value as text; nil where it is not set.
    public let value: @Sendable (Options) -> String?
    /// Sets the value.
    /// - Throws: `SettingError.impossible`.
    public let set: @Sendable (inout Options, String) throws -> Void

    /// A setting.
    /// - Parameters:
    ///   - expected: what a value has to be, for the error: `a whole number`, for example.
    ///   - value: the value as text; nil where it is not set.
    ///   - set: sets the value; returns false if the text is not possible.
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

/// Settings that are kept by name, as text: all whose names begin alike.
public struct NamedSettingMap<Options>: Sendable {
    /// What the names begin with; they are kept without it.
    public let prefix: String
    /// Where they are kept.
    public let path: any WritableKeyPath<Options, [String: String]> & Sendable

    /// Settings whose names begin with `prefix`.
    public init(_ prefix: String, _ path: any WritableKeyPath<Options, [String: String]> & Sendable) {
        (self.prefix, self.path) = (prefix, path)
    }
}

extension NamedSetting {
    /// The setting as one of the options that have these as a part.
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

/// Why settings cannot be taken as they were given.
public enum SettingError: Error, Equatable, CustomStringConvertible {
    /// There is no setting of that name.
    case unknown(name: String, origin: String, nearest: String?)
    /// The setting does not take the value; nil if that is secret.
    case impossible(name: String, value: String?, expected: String)
    /// The text or the file is not as it must be.
    case unreadable(origin: String, reason: String)

    public var description: String {
        switch self {
        case .unknown(let name, let origin, let nearest):
            "there is no setting '\(name)' (\(origin))" + (nearest.map { "; the nearest is '\($0)'" } ?? "")
        case .impossible(let name, let value, let expected):
            "the setting \(name) takes \(expected)" + (value.map { ", not '\($0)'" } ?? "")
        case .unreadable(let origin, let reason): "\(origin): \(reason)"
        }
    }
}
