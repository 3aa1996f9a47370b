import MoldauCluster
import MoldauRecords
import MoldauState

/// The settings that internal topics are created with: the defaults of their kind, overridden by the application's
/// settings for internal topics, overridden by a store's own.
package struct InternalTopicSettings: Sendable {
    /// The application's settings for all internal topics.
    var common: [String: String]
    var windowChangelogExtraRetention: Duration
    /// The replication factor of the topics; nil for the cluster's default.
    package var replicas: Int?
    /// The application that the topics are marked with; nil: no mark.
    private var owner: String?

    /// The setting that records which application owns a topic: two applications' ids and names may result in the same
    /// topic name.
    static var ownerKey: String { NewTopic.ownSettingPrefix + "application.id" }

    package init(
        common: [String: String] = [:], windowChangelogExtraRetention: Duration = .seconds(86_400), owner: String? = nil
    ) {
        (self.common, self.owner) = (common, owner)
        self.windowChangelogExtraRetention = windowChangelogExtraRetention
    }

    package init(_ configuration: StreamsConfiguration, owner: String? = nil) {
        self.init(
            common: configuration.internalTopicSettings,
            windowChangelogExtraRetention: configuration.windowChangelogExtraRetention, owner: owner)
    }

    /// Records are kept until the application has read and committed them, then deleted.
    package var repartition: [String: String] {
        let usual = ["cleanup.policy": "delete", "retention.ms": "-1", "segment.bytes": "52428800"]
        return complete(usual, own: [:])
    }

    /// For an external topic that is read as a table: rows are not deleted by age.
    /// - Parameter history: how long a replaced row is still needed.
    package static func table(history: Duration) -> [String: String] {
        guard history > .zero else { return ["cleanup.policy": "compact"] }
        return [
            "cleanup.policy": "compact", "min.compaction.lag.ms": milliseconds(history, and: .seconds(86_400)),
        ]
    }

    /// The setting in which a changelog records its store's form: see `StoreForm.note`. It is not one of Kafka's
    /// settings: a cluster that accepts only those does without it.
    package static let formKey = NewTopic.ownSettingPrefix + "store"

    /// The settings of a store's changelog.
    package func changelog(of store: StoreDefinition) -> [String: String] {
        var usual = ["cleanup.policy": "compact"]
        usual[Self.formKey] = store.form?.note
        var needed: [String: String] = [:]
        if let retention = store.windowRetention {
            usual["cleanup.policy"] = "compact,delete"
            // Brokers delete by the wall clock, stores by stream time. The application's common settings are not meant
            // for this one.
            needed["retention.ms"] = Self.milliseconds(retention, and: windowChangelogExtraRetention)
        }
        if let history = store.historyRetention {
            // Compaction keeps what a look-up may still need (KIP-889).
            needed["min.compaction.lag.ms"] = Self.milliseconds(history, and: .seconds(86_400))
        }
        return complete(usual, own: needed.merging(store.changelogSettings) { $1 })
    }

    private func complete(_ usual: [String: String], own: [String: String]) -> [String: String] {
        ["message.timestamp.type": "CreateTime"].merging(usual) { $1 }.merging(common) { $1 }.merging(own) { $1 }
            .merging(owner.map { [Self.ownerKey: $0] } ?? [:]) { $1 }
    }

    private static func milliseconds(_ length: Duration, and more: Duration) -> String {
        let (sum, overflow) = length.milliseconds.addingReportingOverflow(more.milliseconds)
        return "\(overflow ? .max : sum)"
    }
}
