// Records which topic a partition's directory belongs to: Kafka's file `<data>/<topic>-<partition>/partition.metadata`.
//
//     version: 0
//     topic_id: 8xNnyqMoQgeUmqVpiMVbUQ
//
// The file of topics has the same id, durably, before the directory is created. So this file is written without a sync:
// if a crash makes it unreadable, it is written again.

internal import MoldauLog
internal import MoldauRecords

extension FileSystem {
    private func metadataPath(_ directory: String) -> String { "\(directory)/partition.metadata" }

    /// The id of the topic that a partition's directory belongs to; nil if it is not recorded.
    func topicID(ofPartitionIn directory: String) throws(LogError) -> TopicID? {
        guard let bytes = try contents(of: metadataPath(directory)) else { return nil }
        var fields: [Substring: Substring] = [:]
        let text = String(decoding: bytes, as: UTF8.self)
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            fields[parts[0]] = parts[1].drop { $0 == " " }
        }
        guard fields["version"] == "0" else { return nil }
        return fields["topic_id"].flatMap { TopicID($0) }
    }

    /// Makes sure that a partition's directory records its topic.
    /// - Throws: `LogError.foreignRecords` if it belongs to another topic.
    func claim(_ directory: String, for id: TopicID) throws(LogError) {
        if let held = try topicID(ofPartitionIn: directory) {
            if held == id { return }
            throw .foreignRecords(directory: directory, held: held, expected: id)
        }
        let text = "version: 0\ntopic_id: \(id)\n"
        try replace(metadataPath(directory), with: Array(text.utf8), in: directory, sync: false)
    }
}
