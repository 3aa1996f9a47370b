// What the processes of an application tell each other when they divide its tasks, as JSON: what a member tells
// (`MemberReport`), and what it is told (`MemberShare`). Both begin with a version; fields that are added later are
// optional, so that processes of neighbouring versions understand each other during a rolling restart.

import Foundation
import MoldauRecords
import MoldauTopology

/// What a process tells the one that divides the application's tasks.
package struct MemberReport: Codable, Sendable, Equatable {
    /// What it has of a task.
    package struct Held: Codable, Sendable, Equatable {
        /// Whether it works on the task, or has not given it up yet.
        package var isOwned: Bool
        /// How many records of changelogs its stores are behind.
        package var lag: Int64
        /// How many records a process without the stores would have to read, at most.
        package var size: Int64

        package init(isOwned: Bool, lag: Int64 = 0, size: Int64 = 0) {
            (self.isOwned, self.lag, self.size) = (isOwned, lag, size)
        }

        /// Adds a changelog: how many records the store is behind, and its end as the cluster told it.
        package mutating func add(_ records: Int64, of end: Offset) {
            lag = lag.addingCapped(records)
            size = size.addingCapped(end.value)
        }
    }

    package static let version = 1

    package var version = Self.version
    /// The process's own name, the same over restarts if it keeps its state.
    package var process: String
    /// Where others may ask the process for its state; nil if it does not listen.
    package var host: String?
    /// What processes fail together by: those of one rack, for example. nil: it has none, or does not know of them.
    package var tags: [String: String]?
    /// What the process has of tasks, by their names.
    package var held: [String: Held] = [:]

    package init(process: String, host: String? = nil, held: [TaskID: Held] = [:]) {
        (self.process, self.host) = (process, host)
        self.held = Dictionary(uniqueKeysWithValues: held.map { ($0.key.description, $0.value) })
    }

    /// The tasks that the process works on, or has not given up yet.
    var owned: Set<TaskID> { Set(held.filter(\.value.isOwned).keys.compactMap(TaskID.init(named:))) }

    /// What the process has of a task.
    func held(of task: TaskID) -> Held? { held[task.description] }
}

/// A process's share of an application's tasks.
package struct MemberShare: Codable, Sendable, Equatable {
    package var version = MemberReport.version
    /// The tasks that the process works on.
    package var active: [String] = []
    /// The tasks of other processes whose stores it keeps copies of.
    package var standby: [String] = []
    /// Those among them that it is to work on once their stores are as far as the others'.
    package var warmUps: [String] = []
    /// The tasks that others get once the process has given them up, as of its report. A process that is started again
    /// under its instance id gets the share of the one before, and has to ask for the division that this one owed. nil:
    /// there are none, or the process that divided does not tell.
    package var revoked: [String]?
    /// What the division went by. nil: the process that divided does not tell.
    package var terms: DivisionTerms?
    /// The tasks of the processes that listen, by their hosts.
    package var hosts: [String: [String]] = [:]

    package init(active: [TaskID] = [], standby: [TaskID] = [], warmUps: [TaskID] = []) {
        self.active = active.map(\.description)
        self.standby = standby.map(\.description)
        self.warmUps = warmUps.map(\.description)
    }

    package var activeTasks: Set<TaskID> { Set(active.compactMap(TaskID.init(named:))) }
    package var standbyTasks: Set<TaskID> { Set(standby.compactMap(TaskID.init(named:))) }
    package var warmUpTasks: Set<TaskID> { Set(warmUps.compactMap(TaskID.init(named:))) }

    /// Whether a process that has these tasks owes another division as soon as it has no more than its share.
    package func owesDivision(having tasks: Set<TaskID>) -> Bool {
        !(revoked ?? []).isEmpty || !tasks.isSubset(of: activeTasks)
    }
}

/// What a division goes by, apart from what processes have of tasks. A process that is started again under its instance
/// id is handed the old share, even if its topology, a topic or a setting has changed: it then asks for another.
package struct DivisionTerms: Codable, Sendable, Equatable {
    /// How many tasks each subtopology has, by its number.
    package var taskCounts: [Int: Int]
    /// The subtopologies with state.
    package var stateful: [Int]
    /// How many standby copies each task with state has.
    package var standbys: Int
    /// The member's own.
    package var host: String?
    /// The member's own.
    package var tags: [String: String]?

    package init(_ work: GroupDivision.Work, for member: MemberReport) {
        taskCounts = Dictionary(grouping: work.tasks, by: \.subtopology).mapValues(\.count)
        stateful = Set(work.stateful.map(\.subtopology)).sorted()
        (standbys, host, tags) = (work.standbys, member.host, member.tags)
    }
}

/// What a process told cannot be read.
struct UnreadableReport: Error, CustomStringConvertible {
    let member: String
    let cause: any Error

    var description: String {
        "what the member '\(member)' tells is not understood (\(cause)); all processes of an application run Moldau, and "
            + "neighbouring versions of it"
    }
}

extension Decodable {
    /// - Throws: `UnreadableReport`.
    package static func decoded(_ bytes: [UInt8], of member: String) throws -> Self {
        do { return try JSONDecoder().decode(Self.self, from: Data(bytes)) } catch {
            throw UnreadableReport(member: member, cause: error)
        }
    }
}

extension Encodable {
    /// The same bytes for the same value.
    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return Array(try encoder.encode(self))
    }
}
