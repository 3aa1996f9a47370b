// The leaders that a partition has had, in Kafka's format: `leader-epoch-checkpoint` in the partition's directory.
//
//     0          the version
//     1          how many entries follow
//     0 0        epoch, first offset
//
// This broker is always the only leader, so the epoch is that of the last leader: 0, or what a Kafka broker left.

internal import MoldauRecords

extension FileSystem {
    private func leaderEpochPath(_ directory: String) -> String { "\(directory)/leader-epoch-checkpoint" }

    /// The epoch of a partition's last leader; nil if the file is missing or unreadable.
    func leaderEpoch(in directory: String) throws(LogError) -> Int32? {
        guard let bytes = try contents(of: leaderEpochPath(directory)) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard lines.count > 2, lines[0] == "0", Int(lines[1]) == lines.count - 2,
            let epoch = lines.last?.split(separator: " ").first.flatMap({ Int32($0) }), epoch >= 0
        else { return nil }
        return epoch
    }

    /// Rewrites the file with a single entry. It is only a cache, so it is not synced.
    func writeLeaderEpoch(_ epoch: Int32, from start: Offset, in directory: String) throws(LogError) {
        let text = "0\n1\n\(epoch) \(start)\n"
        try replace(leaderEpochPath(directory), with: Array(text.utf8), in: directory, sync: false)
    }
}
