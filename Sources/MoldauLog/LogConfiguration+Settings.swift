internal import MoldauRecords

extension LogConfiguration {
    /// The settings that have an effect in this broker.
    package static var names: Set<String> {
        var all = LogConfiguration()
        (all.compacts, all.deletesOld) = (true, true)
        (all.compression, all.timestampBeforeMaxMs, all.timestampAfterMaxMs) = (Compression.none, 0, 0)
        return Set(all.settings.keys)
    }

    /// Kafka's other topic settings (4.0): stored and reported to clients, without effect here.
    package static let namesWithoutEffect: Set<String> = [
        "compression.gzip.level", "compression.lz4.level", "compression.zstd.level",
        "file.delete.delay.ms", "flush.messages", "flush.ms", "follower.replication.throttled.replicas",
        "leader.replication.throttled.replicas", "local.retention.bytes", "local.retention.ms",
        "min.insync.replicas", "preallocate",
        "remote.log.copy.disable", "remote.log.delete.on.disable", "remote.storage.enable", "segment.index.bytes",
        "segment.jitter.ms", "unclean.leader.election.enable",
    ]

    /// The settings for segments, retention and compaction, by Kafka's names and in Kafka's notation: those of
    /// retention if the log deletes, those of compaction if it compacts, and compression and bounds of timestamps if
    /// they are set.
    package var settings: [String: String] {
        var settings = [
            "segment.bytes": "\(segmentBytes)", "segment.ms": "\(segmentMs)",
            "index.interval.bytes": "\(indexIntervalBytes)", "max.message.bytes": "\(maxMessageBytes)",
            "message.timestamp.type": isLogAppendTime ? "LogAppendTime" : "CreateTime",
            "cleanup.policy": [compacts ? "compact" : nil, deletesOld ? "delete" : nil].compactMap { $0 }
                .joined(separator: ","),
        ]
        if let compression { settings["compression.type"] = compression == .none ? "uncompressed" : compression.name }
        if timestampBeforeMaxMs < .max { settings["message.timestamp.before.max.ms"] = "\(timestampBeforeMaxMs)" }
        if timestampAfterMaxMs < .max { settings["message.timestamp.after.max.ms"] = "\(timestampAfterMaxMs)" }
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
