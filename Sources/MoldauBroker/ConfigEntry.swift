package import MoldauLog

/// A setting of a topic or of the broker, as Kafka's tools show it.
package struct ConfigEntry: Equatable, Sendable {
    /// Where a value comes from, by the numbers of Kafka's protocol.
    package enum Source: Int8, Sendable {
        case topic = 1
        case staticBroker = 4
        case defaultValue = 5
    }

    /// A setting that provides the value, or would if those before it were not set: in order of precedence.
    package struct Synonym: Equatable, Sendable {
        package let name: String
        package let value: String
        package let source: Source
    }

    package let name: String
    package let value: String
    package let source: Source
    /// Whether no request can change it.
    package let isReadOnly: Bool
    package let kind: TopicSetting.Kind
    package let synonyms: [Synonym]

    /// Whether the value must not be shown: no setting here holds a secret.
    package var isSensitive: Bool { false }

    /// A topic's setting.
    /// - Parameter own: the topic's own value, if it has one.
    init(_ setting: TopicSetting, own: String?) {
        name = setting.name
        value = own ?? setting.defaultValue
        source = own == nil ? .defaultValue : .topic
        isReadOnly = false
        kind = setting.kind
        var synonyms = own.map { [Synonym(name: setting.name, value: $0, source: .topic)] } ?? []
        if let name = setting.brokerName {
            synonyms.append(Synonym(name: name, value: setting.defaultValue, source: .defaultValue))
        }
        self.synonyms = synonyms
    }

    /// A setting of the broker.
    init(broker name: String, _ kind: TopicSetting.Kind, _ value: String, isDefault: Bool) {
        self.name = name
        self.value = value
        source = isDefault ? .defaultValue : .staticBroker
        isReadOnly = true
        self.kind = kind
        synonyms = [Synonym(name: name, value: value, source: source)]
    }
}

/// One change to the settings of a topic.
package struct ConfigChange: Equatable, Sendable {
    /// What to do with the value, by the numbers of Kafka's protocol.
    package enum Operation: Int8, Sendable {
        case set, delete, append, subtract
    }

    package let name: String
    package let operation: Operation
    /// nil if the operation needs none.
    package let value: String?

    package init(_ operation: Operation, _ name: String, _ value: String? = nil) {
        (self.operation, self.name, self.value) = (operation, name, value)
    }
}
