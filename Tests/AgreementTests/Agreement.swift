// What must agree between runs of a plan, and when.
//
// Always, under the test driver: stores in memory and in RocksDB lead to the same records in the same order in every
// topic, changelogs included.
//
// A plan that is one task (`Rule.oneTask`; no internal topic, one partition) is deterministic, as its inputs have
// different times and the oldest record is taken first. So the driver and a cluster write the same records in the same
// order:
// - if every change is sent at once, however often the cluster commits;
// - if only the last change per commit is sent and every record is committed, as the driver does. A run that is
//   interrupted after a commit continues as if nothing had happened, even if its windows are kept for another time or
//   in another kind of store from then on. After an interruption without a commit, the records since the last commit
//   are processed again with the same results: the outputs are equal as sets, and so is each key's last record.
//   Operators forget their stream time in a restart (as Kafka Streams' do), so this holds only if nothing is late.
//
// A plan whose results do not depend on the order (`Rule.anyOrder`: aggregates commute, nothing is late, no operator
// looks up what another one may change meanwhile) has the same outcome with any number of partitions and threads, with
// each change or the last per commit, with optimizations, and with interruptions after commits. What "the same" means
// depends on the output: each key's records in order, the records in any order, each key's last record, or the final
// results of the windows that both runs have closed (`Traits.Comparison`). Times are not compared: the last change of a
// row that two records caused may have the time of either.

//
// What need not agree, as it does not in Kafka Streams, is not generated: inner foreign-key joins of left rows that
// change while answers are on their way (`Step.Operator.needsSteadyRows`). "There is no right row" is answered to a
// left row only if the previous row referred to another one (KAFKA-16394). So if a row changes twice, the answer that
// would delete the result is for the row in between: it is dropped, no other arrives, and the result stays. And if a
// row has the same value as before the last change, an answer from then is accepted.

import Moldau
import MoldauTesting

/// Finds where runs of a plan disagree.
struct Agreement {
    let plan: Plan

    /// The first disagreement; nil if there is none. An error of a run counts as one.
    func difference() -> String? {
        do {
            let reference = try DriverRun(plan, RunSetting())
            if let found = try storeDifference(reference) { return found }
            return plan.rule == .oneTask ? try oneTaskDifference(reference) : try anyOrderDifference(reference)
        } catch { return "threw \(error)" }
    }

    /// Where a run on that cluster, over the wire, differs from one under the test driver; nil if it does not.
    func difference(over cluster: any Cluster) -> String? {
        do {
            let expected = try DriverRun(plan, RunSetting()).outputs(of: plan)
            var random = SeededGenerator(seed: plan.seed &+ 2)
            var setting = RunSetting(place: .cluster, storeKind: random.pick([.inMemory, .rocksDB]))
            if plan.rule == .oneTask {
                setting.commitEveryRounds = 1 + Int(plan.seed % 9)
                if plan.isRestartable { setting.interruption = random.pick([.keepingDisk, .losingDisk]) }
                let outputs = try ClusterRun(plan, setting, seed: plan.seed, on: cluster.port).outputs()
                return exactDifference(expected, outputs).map { "\(setting): \($0)" }
            }
            (setting.partitions, setting.threads) = (3, 2)
            setting.interruption = random.pick([.none, .keepingDisk, .losingDisk])
            let outputs = try ClusterRun(plan, setting, seed: plan.seed, on: cluster.port).outputs()
            return difference(expected, outputs).map { "\(setting): \($0)" }
        } catch { return "threw \(error)" }
    }

    private func storeDifference(_ reference: DriverRun) throws -> String? {
        var settings = [RunSetting(storeKind: .rocksDB)]
        if plan.rule == .anyOrder { settings.append(RunSetting(emission: .lastPerCommit())) }
        for setting in settings {
            let found = try DriverRun(plan, setting)
            if setting.emission == .everyChange {
                if let found = exactDifference(reference.written, found.written) { return "\(setting): \(found)" }
            } else if canHoldChanges, let found = difference(reference.outputs(of: plan), found.outputs(of: plan)) {
                return "\(setting): \(found)"
            }
        }
        return nil
    }

    // MARK: One task

    private func oneTaskDifference(_ reference: DriverRun) throws -> String? {
        let expected = reference.outputs(of: plan)
        let plain = RunSetting(place: .cluster, commitEveryRounds: 1 + Int(plan.seed % 9))
        var settings = [plain]
        if plan.isRestartable {
            for interruption in [RunSetting.Interruption.keepingDisk, .losingDisk, .changing, .uncommitted] {
                var setting = plain
                (setting.interruption, setting.storeKind) = (interruption, .rocksDB)
                settings.append(setting)
            }
        }
        for setting in settings {
            let outputs = try ClusterRun(plan, setting, seed: plan.seed).outputs()
            let found =
                setting.interruption == .uncommitted
                ? repeatingDifference(expected, outputs) : exactDifference(expected, outputs)
            if let found { return "\(setting): \(found)" }
        }
        let held = RunSetting(emission: .lastPerCommit())
        let driver = try DriverRun(plan, held).outputs(of: plan)
        var committing = RunSetting(place: .cluster, emission: held.emission, commitEveryRounds: 1)
        committing.storeKind = .rocksDB
        let cluster = try ClusterRun(plan, committing, seed: plan.seed).outputs()
        return exactDifference(driver, cluster).map { "\(committing): \($0)" }
    }

    // MARK: Any order

    /// Joins of tables look rows up as they are, whether sent or not. A row that appears and disappears between two
    /// commits is never sent, but may have been found meanwhile, and that result stays, as in Kafka Streams. So changes
    /// are not held if rows may be deleted.
    private var canHoldChanges: Bool {
        !plan.steps.contains(where: \.op.joinsTables)
            || !plan.steps.contains(where: \.op.deletesRows) && plan.inputs.allSatisfy { $0.value != nil }
    }

    private func anyOrderDifference(_ reference: DriverRun) throws -> String? {
        let expected = reference.outputs(of: plan)
        var random = SeededGenerator(seed: plan.seed &+ 1)
        for _ in 0..<4 {
            var setting = RunSetting(place: .cluster)
            setting.storeKind = random.pick([.inMemory, .rocksDB])
            if canHoldChanges, random.chance(50) {
                setting.emission = .lastPerCommit(maxHeldKeys: random.pick([1, 3, 10_000]))
            }
            for optimization in TopologyOptimization.allCases where random.chance(30) {
                setting.optimizations.insert(optimization)
            }
            setting.partitions = random.pick([1, 3, 4])
            setting.threads = random.pick([1, 2, 3])
            setting.interruption = random.pick([.none, .keepingDisk, .losingDisk, .changing])
            let outputs = try ClusterRun(plan, setting, seed: random.next()).outputs()
            if let found = difference(expected, outputs) { return "\(setting): \(found)" }
        }
        return nil
    }

    /// Compares each output by what it allows.
    private func difference(_ expected: Outputs, _ found: Outputs) -> String? {
        for step in plan.outputs {
            let topic = Plan.topic(ofOutput: step)
            let (left, right) = (expected[topic] ?? [], found[topic] ?? [])
            let difference =
                switch plan.traits[step].comparison {
                case .multiset: firstDifference(sortedLines(left), sortedLines(right))
                case .sequencePerKey: keyedDifference(byKey(left), byKey(right))
                case .lastPerKey: keyedDifference(lastPerKey(left), lastPerKey(right))
                case .finals: finalsDifference(byKey(left), byKey(right))
                }
            if let difference { return "\(topic): \(difference)" }
        }
        return nil
    }

    private func finalsDifference(_ expected: [String: [String]], _ found: [String: [String]]) -> String? {
        for finals in [expected, found] {
            if let twice = finals.first(where: { $0.value.count > 1 }) {
                return "\(twice.key) was emitted twice: \(twice.value)"
            }
        }
        let both = Set(expected.keys).intersection(found.keys)
        return keyedDifference(expected.filter { both.contains($0.key) }, found.filter { both.contains($0.key) })
    }

    // MARK: Exact

    private func exactDifference(_ expected: Outputs, _ found: Outputs) -> String? {
        for topic in Set(expected.keys).union(found.keys).sorted() {
            let (left, right) = (expected[topic] ?? [], found[topic] ?? [])
            if left != right, let difference = firstDifference(left.map(line), right.map(line)) {
                return "\(topic): \(difference)"
            }
        }
        return nil
    }

    /// Records may be repeated, but no other records may appear, and each key's last one must be the same.
    private func repeatingDifference(_ expected: Outputs, _ found: Outputs) -> String? {
        for topic in expected.keys.sorted() {
            let (left, right) = (expected[topic] ?? [], found[topic] ?? [])
            let difference =
                firstDifference(Set(left.map(line)).sorted(), Set(right.map(line)).sorted())
                ?? keyedDifference(lastPerKey(left), lastPerKey(right))
            if let difference { return "\(topic): \(difference)" }
        }
        return nil
    }

    // MARK: Lines

    /// The bytes as text, or in hexadecimal digits if they cannot be printed: changelogs are not text.
    private func text(_ bytes: [UInt8]?) -> String {
        guard let bytes else { return "nil" }
        let isText = bytes.allSatisfy { (0x20..<0x7f).contains($0) }
        return isText
            ? String(decoding: bytes, as: UTF8.self) : bytes.map { String($0, radix: 16) }.joined(separator: "-")
    }
    private func line(_ record: RawRecord) -> String { "\(record.timestamp) \(pair(record))" }
    private func pair(_ record: RawRecord) -> String { "\(text(record.key))=\(text(record.value))" }
    private func sortedLines(_ records: [RawRecord]) -> [String] { records.map(pair).sorted() }

    private func byKey(_ records: [RawRecord]) -> [String: [String]] {
        records.reduce(into: [:]) { $0[text($1.key), default: []].append(text($1.value)) }
    }

    private func lastPerKey(_ records: [RawRecord]) -> [String: [String]] {
        byKey(records).compactMapValues { $0.last == "nil" ? nil : $0.suffix(1) }
    }

    private func keyedDifference(_ expected: [String: [String]], _ found: [String: [String]]) -> String? {
        for key in Set(expected.keys).union(found.keys).sorted() where expected[key] != found[key] {
            return "key \(key) is \(found[key] ?? []); expected \(expected[key] ?? [])"
        }
        return nil
    }

    private func firstDifference(_ expected: [String], _ found: [String]) -> String? {
        for index in 0..<max(expected.count, found.count) {
            let (left, right) = (expected.dropFirst(index).first, found.dropFirst(index).first)
            if left != right { return "record \(index) is \(right ?? "missing"); expected \(left ?? "none")" }
        }
        return nil
    }
}
