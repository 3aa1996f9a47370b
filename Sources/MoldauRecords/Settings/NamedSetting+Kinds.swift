// The kinds of values that settings have.

extension NamedSetting {
    /// A path to an option.
    public typealias Path<Value> = WritableKeyPath<Options, Value> & Sendable

    /// Any text.
    public static func text(_ name: String, _ path: any Path<String>) -> NamedSetting {
        NamedSetting(name, expected: "a text", value: { $0[keyPath: path] }) { options, text in
            options[keyPath: path] = text
            return true
        }
    }

    /// Any text, or none.
    public static func text(
        _ name: String, isSecret: Bool = false, _ path: any Path<String?>
    ) -> NamedSetting {
        NamedSetting(name, isSecret: isSecret, expected: "a text", value: { $0[keyPath: path] }) { options, text in
            options[keyPath: path] = text
            return true
        }
    }

    /// A whole number.
    public static func number<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ path: any Path<Number>, from least: Number = 0
    ) -> NamedSetting {
        NamedSetting(
            name, expected: "a whole number from \(least) on", value: { "\($0[keyPath: path])" },
            set: { options, text in
                guard let number = Number(text), number >= least else { return false }
                options[keyPath: path] = number
                return true
            })
    }

    /// A whole number, or none.
    public static func number<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ path: any Path<Number?>, from least: Number = 0
    ) -> NamedSetting {
        NamedSetting(
            name, expected: "a whole number from \(least) on", value: { $0[keyPath: path].map { "\($0)" } },
            set: { options, text in
                guard let number = Number(text), number >= least else { return false }
                options[keyPath: path] = number
                return true
            })
    }

    /// A time in milliseconds.
    public static func milliseconds(
        _ name: String, _ path: any Path<Duration>, from least: Int64 = 0
    ) -> NamedSetting {
        NamedSetting(
            name, expected: "milliseconds, from \(least) on", value: { "\($0[keyPath: path].milliseconds)" },
            set: { options, text in
                guard let number = Int64(text), number >= least else { return false }
                options[keyPath: path] = .milliseconds(number)
                return true
            })
    }

    /// A time in milliseconds, or none.
    public static func milliseconds(
        _ name: String, _ path: any Path<Duration?>, from least: Int64 = 0
    ) -> NamedSetting {
        NamedSetting(
            name, expected: "milliseconds, from \(least) on",
            value: { $0[keyPath: path].map { "\($0.milliseconds)" } },
            set: { options, text in
                guard let number = Int64(text), number >= least else { return false }
                options[keyPath: path] = .milliseconds(number)
                return true
            })
    }

    /// Yes or no.
    public static func flag(_ name: String, _ path: any Path<Bool>) -> NamedSetting {
        choice(name, path, [("true", true), ("false", false)])
    }

    /// Yes, no, or nothing.
    public static func flag(_ name: String, _ path: any Path<Bool?>) -> NamedSetting {
        choice(name, path, [("true", true), ("false", false)])
    }

    /// One of a few values. Capital letters do not matter; of several texts for a value the first is shown.
    public static func choice<Value: Equatable & Sendable>(
        _ name: String, _ path: any Path<Value>, _ choices: [(text: String, value: Value)]
    ) -> NamedSetting {
        NamedSetting(
            name, expected: list(choices.map(\.text)),
            value: { options in choices.first { $0.value == options[keyPath: path] }?.text },
            set: { options, text in
                guard let found = choices.first(where: { $0.text.lowercased() == text.lowercased() }) else {
                    return false
                }
                options[keyPath: path] = found.value
                return true
            })
    }

    /// `a, b or c`.
    private static func list(_ texts: [String]) -> String {
        guard let last = texts.last, texts.count > 1 else { return texts.first ?? "nothing" }
        return texts.dropLast().joined(separator: ", ") + " or " + last
    }
}
