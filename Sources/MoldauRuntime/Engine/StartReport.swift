import MoldauCluster
import MoldauTopology

/// A summary for operators of an application that starts, in sentences.
struct StartReport {
    private static let shownTopics = 20

    let sentences: [String]

    /// - Parameters:
    ///   - named: topics that only closures write to, such as dead-letter topics.
    ///   - place: the cluster's description of where it is.
    init(
        _ plan: TopicPlan, of topology: Topology, named: Set<String>, names: InternalTopicNames, threads: Int,
        place: String, stateDirectory: String?
    ) {
        let (read, written) = TopicPlan.externalTopics(of: topology)
        func list(_ topics: some Collection<String>) -> String {
            let shown = topics.sorted().prefix(Self.shownTopics).map { topic in
                plan.partitionCounts[topic].map { "\(topic) (\(counted(Int($0), "partition")))" } ?? topic
            }
            let more = topics.count - shown.count
            return shown.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
        }
        var sentences = [
            "\(names.applicationID) starts with \(counted(plan.tasks.count, "task")) on \(counted(threads, "thread")); topics: "
                + "\(place); state: \(stateDirectory.map { "'\($0)'" } ?? "in memory")"
        ]
        sentences.append(
            "\(names.applicationID) reads \(read.isEmpty ? "no topic yet" : list(read))"
                + (written.isEmpty ? "" : "; it writes \(list(written))"))
        let closures = named.subtracting(read).subtracting(written)
        if !closures.isEmpty {
            sentences.append("\(names.applicationID) may also write \(list(closures)), named in its configuration")
        }
        if !plan.missing.isEmpty {
            sentences.append("\(names.applicationID) created \(list(plan.missing.map(\.name)))")
        }
        self.sentences = sentences
    }
}

private func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
