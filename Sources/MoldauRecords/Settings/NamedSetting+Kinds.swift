// The kinds of values that settings have.

extension NamedSetting {
    /// A path to an option.
    public typealias Path<Value> = WritableKeyPath<Options, Value> & Sendable

    /// A setting that converts its value from and to text.
    /// - Parameters:
    ///   - text: the value as text; nil if it is not set.
    ///   - read: parses a text; nil if it is not a valid value.
    package static func value<Value>(
        _ name: String, isSecret: Bool = false, expected: String, _ path: any Path<Value>,
        text: @escaping @Sendable (Value) -> String?, read: @escaping @Sendable (String) -> Value?
    ) -> NamedSetting {
        NamedSetting(
            name, isSecret: isSecret, expected: expected, value: { text($0[keyPath: path]) },
            set: { options, text in
                guard let value = read(text) else { return false }
                options[keyPath: path] = value
                return true
            })
    }

    /// Any text.
    public static func text(_ name: String, _ path: any Path<String>) -> NamedSetting {
        value(name, expected: "text", path, text: { $0 }, read: { $0 })
    }

    /// Any text; the option may be nil.
    public static func text(
        _ name: String, isSecret: Bool = false, _ path: any Path<String?>
    ) -> NamedSetting {
        value(name, isSecret: isSecret, expected: "text", path, text: { $0 }, read: { .some($0) })
    }

    /// A whole number, at least `least`.
    public static func number<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ path: any Path<Number>, from least: Number = 0
    ) -> NamedSetting {
        value(
            name, expected: "a whole number, at least \(least)", path, text: { "\($0)" },
            read: { whole($0, from: least) })
    }

    /// A whole number, at least `least`; the option may be nil.
    public static func number<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ path: any Path<Number?>, from least: Number = 0
    ) -> NamedSetting {
        value(
            name, expected: "a whole number, at least \(least)", path, text: { $0.map { "\($0)" } },
            read: { whole($0, from: least).map { .some($0) } })
    }

    /// A time in milliseconds, at least `least`.
    public static func milliseconds(
        _ name: String, _ path: any Path<Duration>, from least: Int64 = 0
    ) -> NamedSetting {
        value(
            name, expected: "milliseconds, at least \(least)", path, text: { "\($0.milliseconds)" },
            read: { whole($0, from: least).map { .milliseconds($0) } })
    }

    /// A time in milliseconds, at least `least`; the option may be nil.
    public static func milliseconds(
        _ name: String, _ path: any Path<Duration?>, from least: Int64 = 0
    ) -> NamedSetting {
        value(
            name, expected: "milliseconds, at least \(least)", path, text: { $0.map { "\($0.milliseconds)" } },
            read: { whole($0, from: least).map { .some(.milliseconds($0)) } })
    }

    private static func whole<Number: FixedWidthInteger>(_ text: String, from least: Number) -> Number? {
        Number(text).flatMap { $0 >= least ? $0 : nil }
    }

    /// `true` or `false`.
    public static func flag(_ name: String, _ path: any Path<Bool>) -> NamedSetting {
        choice(name, path, [("true", true), ("false", false)])
    }

    /// `true` or `false`; the option may be nil.
    public static func flag(_ name: String, _ path: any Path<Bool?>) -> NamedSetting {
        choice(name, path, [("true", true), ("false", false)])
    }

    /// One of a few values, in upper or lower case. If several texts stand for a value, the first is shown.
    public static func choice<Value: Equatable & Sendable>(
        _ name: String, _ path: any Path<Value>, _ choices: [(text: String, value: Value)]
    ) -> NamedSetting {
        value(
            name, expected: list(choices.map(\.text)), path,
            text: { value in choices.first { $0.value == value }?.text },
            read: { text in choices.first { $0.text.lowercased() == text.lowercased() }?.value })
    }

    /// `a, b or c`.
    private static func list(_ texts: [String]) -> String {
        guard let last = texts.last, texts.count > 1 else { return texts.first ?? "nothing" }
        return texts.dropLast().joined(separator: ", ") + " or " + last
    }
}
