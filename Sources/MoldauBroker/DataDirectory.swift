// What lies in a data directory beside the partitions' records, and what is made of it when it is opened. A directory moves both
// ways: a Kafka broker opens ours, and we open one that a Kafka broker has worked on.
//
//     topics.json                     the topics: see TopicCatalog.swift
//     durable.journal                 what is on disk: see DurabilityJournal.swift
//     producer-ids                    the first id that no producer has
//     directory-number                the number that the file system gave the directory: tells a copy
//     meta.properties, .kafka_cleanshutdown, *-offset-checkpoint      Kafka's
//
// Whoever stops cleanly leaves `.kafka_cleanshutdown`; ours names us. Where it is another's, files that only we write may be out of
// date, and topics may have come and gone.

internal import Logging
internal import MoldauLog
internal import MoldauRecords

/// A data directory while it is opened.
struct DataDirectory<Files: FileSystem> {
    /// There while the data directory is whole: written at a clean stop, removed at the next start.
    static var cleanMarker: String { ".kafka_cleanshutdown" }
    private static var cleanText: String { #"{"version":0,"brokerEpoch":-1,"writer":"moldau"}"# }

    let files: Files
    let path: String
    let logger: Logger
    var randomness: any RandomNumberGenerator & Sendable

    private func file(_ name: String) -> String { "\(path)/\(name)" }

    /// What was found.
    struct Found {
        let wasClean: Bool
        let journal: DurabilityJournal<Files>
        let catalog: TopicCatalog<Files>
        /// Where partitions began when that was last written down for Kafka.
        let starts: [TopicPartition: Offset]
    }

    /// Finds out what is in the directory, and makes it ours. Each step may be done again after a crash.
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
                "another program has worked on the data directory; its partitions are taken over",
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
        for topic in catalog.topics.values.sorted(by: { $0.name < $1.name }) {
            let last = TopicPartition(topic.name, topic.partitionCount - 1)
            if journal.ends["\(last)"] == nil { try makeLastDirectory(of: topic) }
        }
        if wasClean { try removeCleanMarker() }
        return Found(wasClean: wasClean, journal: journal, catalog: catalog, starts: starts)
    }

    // MARK: How it was left

    /// Whether the last one who had it has stopped cleanly.
    func wasClean() throws(LogError) -> Bool { try files.contents(of: file(Self.cleanMarker)) != nil }

    /// Whether that was another program. Where neither we nor a Kafka broker have left a word, it was an older version of ours.
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

    /// A directory that was copied while a program wrote to it holds files of different moments, which no recovery can tell from
    /// those of a crash. After an unclean stop a directory has to be the one that it was.
    /// - Throws: `LogError.copiedWhileOpen`.
    func checkIdentity(wasClean: Bool) throws(LogError) {
        guard let number = try files.identity(of: path) else { return }
        let noted = try files.number(at: file("directory-number"))
        if noted == number { return }
        if let noted, !wasClean { throw .copiedWhileOpen(directory: path, was: noted, is: number) }
        try files.replace(file("directory-number"), with: number, in: path, sync: true)
    }

    // MARK: What is in it

    /// Ends deletions that were cut short.
    func removeDeleted() throws(LogError) {
        for name in try files.names(in: path) where PartitionDirectory.isDeleted(name) {
            try files.removeDirectory(file(name))
        }
    }

    /// The partitions that have a directory, in their order.
    func partitions() throws(LogError) -> [TopicPartition] {
        try files.names(in: path).compactMap { PartitionDirectory.partition(of: $0, Files.self) }.sorted()
    }

    /// Who the directory's cluster is, for a Kafka broker, which asks for it.
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

    /// What another program did not know of: our checksums of segments that it may have written anew, and that records were
    /// deleted.
    func takeOver(_ partitions: [TopicPartition], starts: [TopicPartition: Offset]) throws(LogError) {
        for partition in partitions {
            let directory = file("\(partition)")
            for name in try files.names(in: directory) where name.hasSuffix(".checksums") || name == "cleaner-offset" {
                try files.removeFile("\(directory)/\(name)")
            }
            guard let start = starts[partition] else { continue }
            let noted = try files.number(at: "\(directory)/log-start-offset") ?? 0
            if start.value > noted {
                try files.replace("\(directory)/log-start-offset", with: start.value, in: directory, sync: false)
            }
            try files.syncDirectory(directory)
        }
    }

    // MARK: Topics

    /// Brings the topics up to date with the directories, where the file of topics is missing or another program was here. Settings
    /// are not known then: such a topic keeps everything.
    /// - Parameter known: partitions that are known of without a directory.
    mutating func reconcile(
        _ catalog: inout TopicCatalog<Files>, with partitions: [TopicPartition], known: [TopicPartition]
    ) throws(LogError) {
        var changed: [TopicMetadata] = []
        let counts = Dictionary((partitions + known).map { ($0.topic, $0.partition.number + 1) }, uniquingKeysWith: max)
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
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
                "a topic was taken from its partitions' directories; its settings are not known, so it has these",
                metadata: [
                    "topic": "\(topic.name)", "partitions": "\(topic.partitionCount)",
                    "settings":
                        "\(topic.configuration.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: " "))",
                ])
        }
        if !changed.isEmpty { try catalog.change(adding: changed) }
    }

    /// Says which directories belong to no topic. They are left alone.
    func tellUnknown(_ partitions: [TopicPartition], _ catalog: TopicCatalog<Files>) {
        for partition in partitions
        where catalog.topics[partition.topic].map({ $0.partitionCount <= partition.partition.number }) ?? true {
            logger.warning(
                "a directory belongs to no topic in topics.json; it is left alone, and moved aside when its topic is created",
                metadata: ["directory": "\(file("\(partition)"))"])
        }
    }

    /// Makes the directory of a topic's last partition, so that the directories alone tell how many there are.
    func makeLastDirectory(of topic: TopicMetadata) throws(LogError) {
        let directory = file("\(TopicPartition(topic.name, topic.partitionCount - 1))")
        guard let id = topic.id, !files.exists(directory) else { return }
        try files.createDirectory(directory)
        try files.claim(directory, for: id)
        // Where the partition finds its directory, it takes its name for durable.
        try files.syncDirectory(path)
    }
}
