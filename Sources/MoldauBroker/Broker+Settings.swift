// The settings of topics and of the broker, as Kafka's DescribeConfigs, IncrementalAlterConfigs and AlterConfigs show
// and change them: by Kafka's names, with its defaults.

package import MoldauLog
internal import MoldauRecords

extension Broker {
    /// All settings of a topic, by name: its own values and the defaults.
    package func settings(ofTopic name: String) throws(BrokerError) -> [ConfigEntry] {
        guard let topic = topic(name) else { throw .unknownTopic(name) }
        return TopicSetting.all.values.sorted(on: \.name).map {
            ConfigEntry($0, own: topic.configuration[$0.name])
        }
    }

    /// The broker's settings, by name: the defaults of topics' settings, and those that the caller knows.
    /// - Parameter known: settings of the server in front of the broker, by Kafka's names; `isDefault`: not set
    ///   explicitly.
    package func settings(
        knowing known: [String: (value: String, kind: TopicSetting.Kind, isDefault: Bool)] = [:]
    ) -> [ConfigEntry] {
        var entries: [String: ConfigEntry] = [:]
        for setting in TopicSetting.all.values {
            guard let name = setting.brokerName else { continue }
            entries[name] = ConfigEntry(broker: name, setting.kind, setting.defaultValue, isDefault: true)
        }
        entries["log.dirs"] = ConfigEntry(broker: "log.dirs", .string, directory, isDefault: false)
        for (name, setting) in known {
            entries[name] = ConfigEntry(broker: name, setting.kind, setting.value, isDefault: setting.isDefault)
        }
        return entries.values.sorted(on: \.name)
    }

    /// Changes some settings of a topic, durably; the others stay. They take effect at once.
    /// - Parameter validateOnly: only checks whether the change would be accepted.
    /// - Throws: `BrokerError.invalidSettings`; nothing has changed then.
    package func changeSettings(
        ofTopic name: String, _ changes: [ConfigChange], validateOnly: Bool = false
    ) throws(BrokerError) {
        try changeSettings(ofTopic: name, validateOnly: validateOnly) { settings throws(BrokerError) in
            for change in changes { try change.apply(to: &settings, of: name) }
        }
    }

    /// Gives a topic these settings and no others, durably; they take effect at once.
    /// - Parameter validateOnly: only checks whether the change would be accepted.
    /// - Throws: `BrokerError.invalidSettings`; nothing has changed then.
    package func replaceSettings(
        ofTopic name: String, with wanted: [String: String], validateOnly: Bool = false
    ) throws(BrokerError) {
        try changeSettings(ofTopic: name, validateOnly: validateOnly) { settings throws(BrokerError) in
            settings = wanted
        }
    }

    private func changeSettings(
        ofTopic name: String, validateOnly: Bool,
        _ change: (inout [String: String]) throws(BrokerError) -> Void
    ) throws(BrokerError) {
        try configure(name, validateOnly: validateOnly) { settings throws(BrokerError) in
            let before = settings
            try change(&settings)
            // Settings that were there before are not this request's fault.
            let new = settings.filter { before[$0.key] != $0.value }
            if let reason = TopicSetting.objection(to: new) { throw .invalidSettings(topic: name, reason: reason) }
        }
    }

    /// Checks the settings of a new topic as strictly as later changes.
    /// - Throws: `BrokerError.invalidSettings`.
    package func checkSettings(ofNewTopic name: String, _ settings: [String: String]) throws(BrokerError) {
        if let reason = TopicSetting.objection(to: settings) { throw .invalidSettings(topic: name, reason: reason) }
    }
}

extension ConfigChange {
    fileprivate func apply(to settings: inout [String: String], of topic: String) throws(BrokerError) {
        guard let setting = TopicSetting.all[name] else {
            throw .invalidSettings(topic: topic, reason: "Unknown topic config name: \(name)")
        }
        if operation == .delete {
            settings[name] = nil
            return
        }
        guard let value else {
            throw .invalidSettings(topic: topic, reason: "Null value not supported for : \(name)")
        }
        if operation == .set {
            settings[name] = value
            return
        }
        guard setting.kind == .list else {
            throw .invalidSettings(
                topic: topic, reason: "Can't \(operation) to key \(name) because its type is not LIST.")
        }
        let named = TopicSetting.elements(of: value)
        var elements = TopicSetting.elements(of: settings[name] ?? setting.defaultValue)
        elements.removeAll { named.contains($0) && operation == .subtract }
        if operation == .append { elements += named.filter { !elements.contains($0) } }
        settings[name] = elements.joined(separator: ",")
    }
}
