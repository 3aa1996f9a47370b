import Moldau

/// The part of a workload's topology that may change from one start of the application to the next.
struct TopologyForm: Sendable, Equatable {
    var graceMs = Workload.graceMs
    /// Whether windows are emitted when they close, or on each change. For workloads that can do both.
    var emitsOnClose = true
    var isInMemory = false

    var description: String {
        "grace \(graceMs), \(emitsOnClose ? "sent when closed" : "each change sent"), "
            + (isInMemory ? "in memory" : "on disk")
    }
}

/// The forms that a run's topology had, and the records that each of them processed.
struct FormHistory: Sendable {
    private struct Entry {
        let form: TopologyForm
        /// Where the form began in the first input topic, by partition; a missing partition: with its first record.
        let begin: [Int32: Int64]
    }

    private var entries: [Entry]

    init(_ form: TopologyForm) { entries = [Entry(form: form, begin: [:])] }

    var current: TopologyForm { entries[entries.count - 1].form }

    mutating func change(to form: TopologyForm, at positions: [Int32: Int64]) {
        entries.append(Entry(form: form, begin: positions))
    }

    /// The forms by which the records of a partition were processed, each with its first offset.
    func forms(ofPartition partition: Int32) -> [(form: TopologyForm, begin: Int64)] {
        var forms: [(form: TopologyForm, begin: Int64)] = []
        for entry in entries {
            let begin = entry.begin[partition] ?? 0
            // A form that saw no record of the partition had no effect.
            forms.removeAll { $0.begin >= begin }
            forms.append((entry.form, begin))
        }
        return forms
    }

    /// Whether windows were always emitted in the same way.
    var emitsOneWay: Bool { Set(entries.map(\.form.emitsOnClose)).count == 1 }
}
