import Moldau

/// What of a workload's topology may change from one start of the application to the next.
struct TopologyForm: Sendable, Equatable {
    var graceMs = Workload.graceMs
    /// Whether windows are sent when they close; the other way is each change. Of a workload that can do both.
    var emitsOnClose = true
    var isInMemory = false

    var description: String {
        "grace \(graceMs), \(emitsOnClose ? "sent when closed" : "each change sent"), "
            + (isInMemory ? "in memory" : "on disk")
    }
}

/// The forms that a run's topology had, and which records were processed by which.
struct FormHistory: Sendable {
    private struct Entry {
        let form: TopologyForm
        /// Where it began in the first input topic, by partition; nil: with the first record.
        let begin: [Int32: Int64]
    }

    private var entries: [Entry]

    init(_ form: TopologyForm) { entries = [Entry(form: form, begin: [:])] }

    var current: TopologyForm { entries[entries.count - 1].form }

    mutating func change(to form: TopologyForm, at positions: [Int32: Int64]) {
        entries.append(Entry(form: form, begin: positions))
    }

    /// The forms by which the records of a partition were processed, each with the first offset.
    func forms(ofPartition partition: Int32) -> [(form: TopologyForm, begin: Int64)] {
        var forms: [(form: TopologyForm, begin: Int64)] = []
        for entry in entries {
            let begin = entry.begin[partition] ?? 0
            // One that saw no record of it left nothing.
            forms.removeAll { $0.begin >= begin }
            forms.append((entry.form, begin))
        }
        return forms
    }

    /// Whether windows were sent in one way all the time.
    var emitsOneWay: Bool { Set(entries.map(\.form.emitsOnClose)).count == 1 }
}
