extension LogConfiguration {
    /// The settings that decide what becomes of a log, by Kafka's names and as Kafka writes their values: those of retention where
    /// it deletes, those of compaction where it compacts.
    package var settings: [String: String] {
        var settings = [
            "segment.bytes": "\(segmentBytes)", "segment.ms": "\(segmentMs)",
            "index.interval.bytes": "\(indexIntervalBytes)", "max.message.bytes": "\(maxMessageBytes)",
            "message.timestamp.type": isLogAppendTime ? "LogAppendTime" : "CreateTime",
            "cleanup.policy": [compacts ? "compact" : nil, deletesOld ? "delete" : nil].compactMap { $0 }
                .joined(separator: ","),
        ]
        if deletesOld {
            settings["retention.ms"] = "\(retentionMs ?? -1)"
            settings["retention.bytes"] = "\(retentionBytes ?? -1)"
        }
        if compacts {
            settings["delete.retention.ms"] = "\(deleteRetentionMs)"
            settings["min.compaction.lag.ms"] = "\(minCompactionLagMs)"
            settings["max.compaction.lag.ms"] = "\(maxCompactionLagMs)"
            settings["min.cleanable.dirty.ratio"] = "\(minCleanableDirtyRatio)"
        }
        return settings
    }
}
