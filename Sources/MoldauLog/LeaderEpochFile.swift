// Which leaders a partition had, as Kafka keeps it: `leader-epoch-checkpoint` in the partition's directory.
//
//     0          the version
//     1          how many follow
//     0 0        epoch, first offset
//
// We lead alone, so the epoch is that of the last leader: 0, or what a Kafka broker has left.

internal import MoldauRecords

extension FileSystem {
    private func leaderEpochPath(_ directory: String) -> String { "\(directory)/leader-epoch-checkpoint" }

    /// The epoch of a partition's last leader; nil where nothing says it.
    func leaderEpoch(in directory: String) throws(LogError) -> Int32? {
        guard let bytes = try contents(of: leaderEpochPath(directory)) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard lines.count > 2, lines[0] == "0", Int(lines[1]) == lines.count - 2,
            let epoch = lines.last?.split(separator: " ").first.flatMap({ Int32($0) }), epoch >= 0
        else { return nil }
        return epoch
    }

    /// Begins the file anew: a cache, so without a sync.
    func writeLeaderEpoch(_ epoch: Int32, from start: Offset, in directory: String) throws(LogError) {
        let text = "0\n1\n\(epoch) \(start)\n"
        try replace(leaderEpochPath(directory), with: Array(text.utf8), in: directory, sync: false)
    }
}
