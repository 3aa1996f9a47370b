// Which tasks keep in step with which others, so that a backlog is processed in the order in which live records would
// have arrived.
//
//     input-0 ──▸ A_0 ──┐                         A's tasks write one topic: its records are in the order in which the
//     input-1 ──▸ A_1 ──┴─▸ topic-0 ──▸ B_0       tasks ran. They keep in step by the times of their heads;
//                                                 otherwise one task's records would be late after the other's.
//     other-0 ────────────────────────▸ B_0       B reads another topic too: it waits for A's records of the same time.
//
// Parts that write to each other in a circle, as foreign-key joins do, do not wait for each other: each would wait for
// the other's last record.

import MoldauTopology

/// Which tasks the tasks of one sub-topology keep in step with.
package struct PaceRule: Sendable, Equatable {
    /// Sub-topologies that write to one of the same topics, including this one; empty if no part reads what this one
    /// writes.
    package var siblings: Set<Int> = []
    /// Sub-topologies whose output must have arrived before a record of the same time is taken.
    package var upstream: Set<Int> = []
    /// The short names of topics that this part reads and other parts write. Used if `upstream` is not empty.
    package var inner: Set<String> = []

    /// Merges two rules into one for the tasks of both.
    mutating func join(_ other: PaceRule) {
        siblings.formUnion(other.siblings)
        upstream.formUnion(other.upstream)
        inner.formUnion(other.inner)
    }

    var isEmpty: Bool { siblings.isEmpty && upstream.isEmpty }
}

extension Topology {
    /// By sub-topology number; those that wait for no others are missing.
    package var paceRules: [Int: PaceRule] {
        let parts = subtopologies
        let numbers = parts.map(\.number)
        let (reads, writes) = (
            Dictionary(uniqueKeysWithValues: parts.map { ($0.number, Set($0.sourceTopics)) }),
            Dictionary(uniqueKeysWithValues: parts.map { ($0.number, Set($0.sinkTopics)) })
        )
        func feeds(_ part: Int) -> Set<Int> {
            Set(numbers.filter { reads[$0]?.isDisjoint(with: writes[part] ?? []) == false })
        }
        let fed = Dictionary(uniqueKeysWithValues: numbers.map { ($0, feeds($0)) })
        var behind = fed
        // The longest path leads through all parts.
        for _ in numbers {
            behind = behind.mapValues { parts in parts.reduce(into: parts) { $0.formUnion(fed[$1] ?? []) } }
        }
        func above(_ part: Int) -> Set<Int> {
            Set(numbers.filter { behind[$0]?.contains(part) == true && behind[part]?.contains($0) != true })
        }
        var rules: [Int: PaceRule] = [:]
        for part in numbers {
            let written = fed[part] ?? []
            var rule = PaceRule()
            rule.siblings = written.isEmpty ? [] : Set(numbers.filter { fed[$0]?.isDisjoint(with: written) == false })
            if !rule.siblings.isEmpty || reads[part]?.count ?? 0 > 1 {
                rule.upstream = rule.siblings.union([part]).reduce(into: []) { $0.formUnion(above($1)) }
            }
            rule.inner = (reads[part] ?? []).intersection(writes.values.reduce([]) { $0.union($1) })
            if !rule.isEmpty { rules[part] = rule }
        }
        return rules
    }
}
