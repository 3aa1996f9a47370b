import MoldauTopology

/// How the short names in a topology become the names of topics in the cluster.
package struct InternalTopicNames: Sendable {
    package let applicationID: String
    private let repartitionTopics: Set<String>

    package init(applicationID: String, topology: Topology) {
        self.applicationID = applicationID
        repartitionTopics = Set(topology.repartitionTopics.map(\.name))
    }

    /// Repartition topics belong to the application and carry its id; all others are named as they are.
    package func topic(_ name: String) -> String {
        repartitionTopics.contains(name) ? "\(applicationID)-\(name)" : name
    }

    package func changelog(ofStore name: String) -> String { "\(applicationID)-\(name)-changelog" }

    package func isRepartition(_ name: String) -> Bool { repartitionTopics.contains(name) }

    /// A stream thread's name.
    func thread(_ number: Int) -> String { "\(applicationID)-StreamThread-\(number)" }
}
