import MoldauTopology

/// Maps the short names in a topology to the names of topics in the cluster.
package struct InternalTopicNames: Sendable {
    package let applicationID: String
    private let repartitionTopics: Set<String>

    package init(applicationID: String, topology: Topology) {
        self.applicationID = applicationID
        repartitionTopics = Set(topology.repartitionTopics.map(\.name))
    }

    /// Repartition topics are internal and get the application's id; all others keep their names.
    package func topic(_ name: String) -> String {
        repartitionTopics.contains(name) ? "\(applicationID)-\(name)" : name
    }

    /// The name of a store's changelog.
    package func changelog(ofStore name: String) -> String { "\(applicationID)-\(name)-changelog" }

    /// Whether a topic is one of the application's repartition topics.
    package func isRepartition(_ name: String) -> Bool { repartitionTopics.contains(name) }

    /// The name of a stream thread.
    func thread(_ number: Int) -> String { "\(applicationID)-StreamThread-\(number)" }
}
