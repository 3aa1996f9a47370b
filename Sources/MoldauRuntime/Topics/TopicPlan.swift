// Decides the partition count of every topic of an application, which internal topics to create, and which tasks there
// are. A pure function of the topology and the cluster's topics.
//
// A repartition topic has the partition count that the topology gives it, or else the largest among the topics read by
// the sub-topologies that write it. Joined topics must have equal counts, and a repartition topic without a count of
// its own takes that of the topics it is joined with. This is repeated until nothing changes: counts may depend on each
// other across several repartitions.

import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// The topics that an application needs, checked against those that the cluster has.
package struct TopicPlan: Sendable {
    /// By the topics' names in the cluster.
    package private(set) var partitionCounts: [String: Int32] = [:]
    /// Internal topics to create, and external ones if the configuration allows it.
    package private(set) var missing: [NewTopic] = []
    /// Every sub-topology and partition, in order.
    package private(set) var tasks: [TaskID] = []
    /// Warnings about settings that work now but will lose rows some day.
    package private(set) var warnings: [String] = []
    /// The ids of existing topics, by their names in the cluster, if the cluster has ids.
    package private(set) var topicIDs: [String: TopicID] = [:]

    private let names: InternalTopicNames
    /// By short name, while counts are being decided.
    private var counts: [String: Int32] = [:]
    /// Repartition topics whose count is decided by the topology or a join.
    private var decided: Set<String> = []

    /// The external topics that the application reads or writes.
    package static func externalTopics(of topology: Topology) -> (read: Set<String>, written: Set<String>) {
        let repartition = Set(topology.repartitionTopics.map(\.name))
        let parts = topology.subtopologies
        let read = Set(parts.flatMap(\.sourceTopics) + topology.globalTables.map(\.topic)).subtracting(repartition)
        return (read, Set(parts.flatMap(\.sinkTopics)).subtracting(repartition))
    }

    /// The names in the cluster of all topics that the plan has to look up.
    /// - Parameter named: topics that appear in closures.
    package static func topicsToDescribe(
        _ topology: Topology, names: InternalTopicNames, named: Set<String> = []
    ) -> Set<String> {
        let external = externalTopics(of: topology)
        let changelogs = topology.stores.filter(\.isLogged).map { names.changelog(ofStore: $0.name) }
        return external.read.union(external.written).union(topology.repartitionTopics.map { names.topic($0.name) })
            .union(changelogs).union(named)
    }

    /// - Parameter existing: the cluster's description of `topicsToDescribe`.
    /// - Throws: `RuntimeError`.
    package init(
        _ topology: Topology, names: InternalTopicNames, existing: [String: TopicDescription],
        newTopicPartitions: Int32?, named: Set<String> = [], settings: InternalTopicSettings = InternalTopicSettings()
    ) throws(RuntimeError) {
        self.names = names
        topicIDs = existing.compactMapValues(\.id)
        try planExternalTopics(of: topology, existing, newTopicPartitions, named)
        let parts = topology.subtopologies
        try decideRepartitionTopics(topology, parts)
        for topic in topology.repartitionTopics {
            guard let count = counts[topic.name] else {
                // While no topic matches a pattern, nothing writes the topic.
                if topology.readsByPattern { continue }
                throw .undecidedPartitionCount(topic: topic.name)
            }
            try plan(names.topic(topic.name), count, settings.repartition, settings.replicas, existing)
        }
        for part in parts {
            let count = part.sourceTopics.compactMap { counts[$0] }.max() ?? 0
            tasks += (0..<count).map { TaskID(subtopology: part.number, partition: Partition($0)) }
            for store in part.stores where store.isLogged && count > 0 {
                let own = settings.changelog(of: store)
                try plan(names.changelog(ofStore: store.name), count, own, settings.replicas, existing)
                try check(store, existing[names.changelog(ofStore: store.name)])
            }
        }
    }

    private mutating func planExternalTopics(
        of topology: Topology, _ existing: [String: TopicDescription], _ newTopicPartitions: Int32?,
        _ named: Set<String>
    ) throws(RuntimeError) {
        let (read, written) = Self.externalTopics(of: topology)
        let tables = topology.tableTopics
        for topic in read.union(written).union(named).sorted() {
            if let found = existing[topic] {
                counts[topic] = found.partitionCount
                if written.contains(topic) { try found.checkReplicas() }
                if tables[topic] != nil { warnings += found.losesRows.map { [$0] } ?? [] }
            } else if let newTopicPartitions {
                let settings = tables[topic].map { InternalTopicSettings.table(history: $0) } ?? [:]
                missing.append(NewTopic(topic, partitionCount: newTopicPartitions, configuration: settings))
                counts[topic] = newTopicPartitions
            }
        }
        let missingSources = read.filter { counts[$0] == nil }
        guard missingSources.isEmpty else { throw .missingSourceTopics(missingSources.sorted()) }
        let missingNamed = named.filter { counts[$0] == nil }
        guard missingNamed.isEmpty else { throw .missingNamedTopics(missingNamed.sorted()) }
        partitionCounts = counts
    }

    // MARK: Numbers of partitions

    private mutating func decideRepartitionTopics(_ topology: Topology, _ parts: [Subtopology]) throws(RuntimeError) {
        for topic in topology.repartitionTopics {
            guard let count = topic.partitionCount else { continue }
            counts[topic.name] = count
            decided.insert(topic.name)
        }
        // Every round decides at least one topic, or is the last.
        for _ in 0...(topology.repartitionTopics.count + topology.copartitionGroups.count) {
            let before = counts
            for topic in topology.repartitionTopics where !decided.contains(topic.name) {
                let upstream = parts.filter { $0.sinkTopics.contains(topic.name) }.flatMap(\.sourceTopics)
                counts[topic.name] = (upstream + [topic.name]).compactMap { counts[$0] }.max()
            }
            for group in topology.copartitionGroups { try agree(group.sorted(), topology) }
            if counts == before { return }
        }
    }

    /// Makes the topics of a join have equal numbers of partitions.
    private mutating func agree(_ group: [String], _ topology: Topology) throws(RuntimeError) {
        let others = group.filter { !names.isRepartition($0) }
        if Set(others.compactMap { counts[$0] }).count > 1 { throw .notCopartitioned(describe(others)) }
        let fixed = group.filter { name in
            topology.repartitionTopics.contains { $0.name == name && $0.partitionCount != nil }
        }
        if Set(fixed.compactMap { counts[$0] }).count > 1 { throw .notCopartitioned(describe(fixed)) }
        if let other = others.first, let count = counts[other] {
            for name in fixed {
                guard let own = counts[name], own != count else { continue }
                throw .repartitionMismatch(
                    topic: names.topic(name), partitions: own, other: other, otherPartitions: count)
            }
            set(group, to: count, isFinal: true)
        } else if let name = fixed.first, let count = counts[name] {
            set(group, to: count, isFinal: true)
        } else if let count = group.compactMap({ counts[$0] }).max() {
            set(group, to: count, isFinal: false)
        }
    }

    private mutating func set(_ group: [String], to count: Int32, isFinal: Bool) {
        for name in group where names.isRepartition(name) {
            counts[name] = count
            if isFinal { decided.insert(name) }
        }
    }

    private func describe(_ group: [String]) -> [String: Int32] {
        Dictionary(uniqueKeysWithValues: group.compactMap { name in counts[name].map { (names.topic(name), $0) } })
    }

    // MARK: Internal topics

    /// A changelog of another form than the store's is refused.
    private func check(_ store: StoreDefinition, _ changelog: TopicDescription?) throws(RuntimeError) {
        guard let changelog, let note = changelog.configuration[InternalTopicSettings.formKey], let form = store.form,
            let held = StoreForm(note: note), !form.reads(held)
        else { return }
        throw .changedStore(
            store.name, changelog: changelog.name, was: held.description, wanted: form.description)
    }

    private mutating func plan(
        _ name: String, _ count: Int32, _ settings: [String: String], _ replicas: Int?,
        _ existing: [String: TopicDescription]
    ) throws(RuntimeError) {
        partitionCounts[name] = count
        guard let found = existing[name] else {
            missing.append(NewTopic(name, partitionCount: count, configuration: settings))
            return
        }
        try found.checkInternal(settings, partitionCount: count)
        warnings += [found.deletesEarly(settings), found.hasFewer(than: replicas)].compactMap(\.self)
    }
}

extension TopicPlan {
    /// Makes a plan for the cluster, and creates what is missing. Blocks.
    package static func prepare(
        _ topology: Topology, names: InternalTopicNames, newTopicPartitions: Int32?,
        named: Set<String> = [], settings: InternalTopicSettings = InternalTopicSettings(), admin: any Admin
    ) throws -> TopicPlan {
        var attempts = 0
        while true {
            let existing = try admin.describe(topicsToDescribe(topology, names: names, named: named))
            var settings = settings
            settings.replicas = admin.replicationFactor
            var plan = try TopicPlan(
                topology, names: names, existing: existing, newTopicPartitions: newTopicPartitions, named: named,
                settings: settings)
            if plan.missing.isEmpty { return plan }
            attempts += 1
            do {
                try admin.create(plan.missing)
            } catch ClusterError.topicExists where attempts < mostAttempts {
                // Another process of the application has started at the same time: the topics that it created are
                // checked too.
                continue
            }
            let created = try admin.describe(Set(plan.missing.map(\.name)))
            for topic in created.sorted(on: \.key).map(\.value) { try topic.checkReplicas() }
            plan.topicIDs.merge(created.compactMapValues(\.id)) { $1 }
            return plan
        }
    }

    private static var mostAttempts: Int { 5 }

    /// The tasks to assign to threads.
    /// - Parameter standbys: the number of standby copies of each task that can have some.
    package func work(standbys: Int = 0, of topology: Topology) -> StickyAssignment<Int>.Work {
        StickyAssignment<Int>.Work(tasks: tasks, copied: topology.copiable(tasks), standbys: standbys)
    }
}
