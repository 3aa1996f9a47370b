// The files in a data directory besides the partitions' records, and what happens to them when it is opened. A
// directory can move both ways: a Kafka broker can open ours, and we can open one that a Kafka broker has used.
//
//     topics.json                     the topics: see TopicCatalog.swift
//     durable.journal                 what is on disk: see DurabilityJournal.swift
//     producer-ids                    the first id that no producer has
//     users.json, access.json         users and access rules: see SecurityFile.swift
//     directory-number                the number that the file system gave the directory: identifies a copy
//     meta.properties, .kafka_cleanshutdown, *-offset-checkpoint      Kafka's
//
// A clean stop leaves `.kafka_cleanshutdown`; ours contains our name. If it is another program's, files that only we
// write may be outdated, and topics may have been created and deleted.

internal import Logging
internal import MoldauLog
internal import MoldauRecords

/// A data directory while it is being opened.
struct DataDirectory<Files: FileSystem> {
    /// Present while the data directory is consistent: written at a clean stop, removed at the next start.
    static var cleanMarker: String { ".kafka_cleanshutdown" }
    private static var cleanText: String { #"{"version":0,"brokerEpoch":-1,"writer":"moldau"}"# }

    let files: Files
    let path: String
    let logger: Logger
    var randomness: any RandomNumberGenerator & Sendable

    private func file(_ name: String) -> String { "\(path)/\(name)" }

    /// What was found in the directory.
    struct Found {
        let wasClean: Bool
        let journal: DurabilityJournal<Files>
        let catalog: TopicCatalog<Files>
        /// The first offsets of partitions, from Kafka's checkpoint file.
        let starts: [TopicPartition: Offset]
    }

    /// Finds out what is in the directory, and takes it over. Each step may be repeated after a crash.
    mutating func open() throws(LogError) -> Found {
        let (wasClean, isOfOthers) = (try wasClean(), try wasLeftByOthers())
        try checkIdentity(wasClean: wasClean)
        try removeDeleted()
        try writeProperties()
        var journal = try DurabilityJournal(files, directory: path)
        var catalog = try TopicCatalog(files, directory: path)
        let partitions = try partitions()
        let starts = try OffsetCheckpoint.logStart.read(files, in: path) ?? [:]
        if isOfOthers {
            logger.notice(
                "another program has used the data directory; the partitions found in it are taken over",
                metadata: ["directory": "\(path)", "partitions": "\(partitions.count)"])
            try takeOver(partitions, starts: starts)
            try journal.forget(Array(journal.ends.keys))
        }
        if catalog.isMissing || isOfOthers {
            let known = journal.ends.keys.compactMap { PartitionDirectory.partition(of: $0, Files.self) }
            try reconcile(&catalog, with: partitions, known: known)
        }
        tellUnknown(partitions, catalog)
        try catalog.giveIDs(using: &randomness)
        for topic in catalog.topics.values.sorted(on: \.name) {
            let last = TopicPartition(topic.name, topic.partitionCount - 1)
            if journal.ends["\(last)"] == nil { try makeLastDirectory(of: topic) }
        }
        if wasClean { try removeCleanMarker() }
        return Found(wasClean: wasClean, journal: journal, catalog: catalog, starts: starts)
    }

    // MARK: How it was left

    /// Whether the last user stopped cleanly.
    func wasClean() throws(LogError) -> Bool { try files.contents(of: file(Self.cleanMarker)) != nil }

    /// Whether the last user was another program. If neither we nor a Kafka broker left a sign, it was an older version
    /// of ours.
    func wasLeftByOthers() throws(LogError) -> Bool {
        guard let text = try files.contents(of: file(Self.cleanMarker)) else {
            return files.exists(file("meta.properties")) && !files.exists(file("topics.json"))
                && !files.exists(file("durable.journal"))
        }
        return text != Array(Self.cleanText.utf8) && files.exists(file("meta.properties"))
    }

    func removeCleanMarker() throws(LogError) {
        try files.removeFile(file(Self.cleanMarker))
        try files.syncDirectory(path)
    }

    static func writeCleanMarker(_ files: Files, in path: String) throws(LogError) {
        try files.replace("\(path)/\(cleanMarker)", with: Array(cleanText.utf8), in: path, sync: true)
    }

    /// Refuses a directory that was copied while a program wrote to it: its files are from different moments, which no
    /// recovery can distinguish from the result of a crash. After an unclean stop, a directory must have the same
    /// number as before.
    /// - Throws: `LogError.copiedWhileOpen`.
    func checkIdentity(wasClean: Bool) throws(LogError) {
        guard let number = try files.identity(of: path) else { return }
        let noted = try files.number(at: file("directory-number"))
        if noted == number { return }
        if let noted, !wasClean { throw .copiedWhileOpen(directory: path, was: noted, is: number) }
        try files.replace(file("directory-number"), with: number, in: path, sync: true)
    }

    // MARK: What is in it

    /// Completes interrupted deletions.
    func removeDeleted() throws(LogError) {
        for name in try files.names(in: path) where PartitionDirectory.isDeleted(name) {
            try files.removeDirectory(file(name))
        }
    }

    /// The partitions that have a directory, in order.
    func partitions() throws(LogError) -> [TopicPartition] {
        try files.names(in: path).compactMap { PartitionDirectory.partition(of: $0, Files.self) }.sorted()
    }

    /// Writes the identity of the directory's cluster, which a Kafka broker requires.
    mutating func writeProperties() throws(LogError) {
        guard try files.contents(of: file("meta.properties")) == nil else { return }
        let text = """
            cluster.id=\(TopicID.random(using: &randomness))
            directory.id=\(TopicID.random(using: &randomness))
            node.id=1
            version=1

            """
        try files.replace(file("meta.properties"), with: Array(text.utf8), in: path, sync: true)
    }

    /// The id of the directory's cluster; nil if its file does not contain one.
    func clusterID() throws(LogError) -> String? {
        let text = try files.contents(of: file("meta.properties")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("cluster.id=") }
        return line.map { String($0.dropFirst("cluster.id=".count)) }
    }

    /// Corrects files that another program does not maintain: removes our checksums of segments that it may have
    /// rewritten, and notes deleted records.
    func takeOver(_ partitions: [TopicPartition], starts: [TopicPartition: Offset]) throws(LogError) {
        for partition in partitions {
            let directory = file("\(partition)")
            for name in try files.names(in: directory) where name.hasSuffix(".checksums") || name == "cleaner-offset" {
                try files.removeFile("\(directory)/\(name)")
            }
            guard let start = starts[partition] else { continue }
            let noted = try files.number(at: "\(directory)/log-start-offset") ?? 0
            if start.value > noted {
                try files.replace("\(directory)/log-start-offset", with: start.value, in: directory, sync: true)
            }
            try files.syncDirectory(directory)
        }
    }

    // MARK: Topics

    /// Updates the topics from the directories, if the file of topics is missing or another program was here. Settings
    /// are unknown then: such a topic keeps everything.
    /// - Parameter known: partitions that are known although they have no directory.
    mutating func reconcile(
        _ catalog: inout TopicCatalog<Files>, with partitions: [TopicPartition], known: [TopicPartition]
    ) throws(LogError) {
        var changed: [TopicMetadata] = []
        let counts = Dictionary((partitions + known).map { ($0.topic, $0.partition.number + 1) }, uniquingKeysWith: max)
        for (name, count) in counts.sorted(on: \.key) {
            let old = catalog.topics[name]
            var kept: TopicID?
            for partition in partitions where partition.topic == name && kept == nil {
                kept = try files.topicID(ofPartitionIn: file("\(partition)"))
            }
            if let old, kept == nil || old.id == nil || old.id == kept {
                guard old.partitionCount < count else { continue }
                changed.append(
                    TopicMetadata(
                        name: name, partitionCount: count, configuration: old.configuration, id: old.id ?? kept))
            } else {
                let settings = Broker<Files>.isInternal(name) ? ["cleanup.policy": "compact"] : ["retention.ms": "-1"]
                changed.append(
                    TopicMetadata(
                        name: name, partitionCount: count, configuration: settings,
                        id: kept ?? TopicID.random(using: &randomness)))
            }
        }
        for topic in changed {
            logger.warning(
                "a topic was restored from its partitions' directories; its settings are not known, so it gets these",
                metadata: [
                    "topic": "\(topic.name)", "partitions": "\(topic.partitionCount)",
                    "settings":
                        "\(topic.configuration.sorted(on: \.key).map { "\($0)=\($1)" }.joined(separator: " "))",
                ])
        }
        if !changed.isEmpty { try catalog.change(adding: changed) }
    }

    /// Logs which directories belong to no topic. They are left alone.
    func tellUnknown(_ partitions: [TopicPartition], _ catalog: TopicCatalog<Files>) {
        for partition in partitions
        where catalog.topics[partition.topic].map({ $0.partitionCount <= partition.partition.number }) ?? true {
            logger.warning(
                "a directory belongs to no topic in topics.json; it is left alone, and moved aside if a topic of its name is created",
                metadata: ["directory": "\(file("\(partition)"))"])
        }
    }

    /// Creates the directory of a topic's last partition, so that the directories alone show how many there are.
    func makeLastDirectory(of topic: TopicMetadata) throws(LogError) {
        let directory = file("\(TopicPartition(topic.name, topic.partitionCount - 1))")
        guard let id = topic.id, !files.exists(directory) else { return }
        try files.createDirectory(directory)
        try files.claim(directory, for: id)
        // A partition that finds its directory assumes that the name is durable.
        try files.syncDirectory(path)
    }
}
