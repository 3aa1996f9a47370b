// What the processes of an application exchange to assign its tasks, as JSON: the report of a member (`MemberReport`),
// and its share (`MemberShare`). Both begin with a version; fields that are added later are optional, so that processes
// of neighbouring versions understand each other during a rolling restart.

import Foundation
import MoldauRecords
import MoldauTopology

/// A process's report to the process that assigns the application's tasks.
package struct MemberReport: Codable, Sendable, Equatable {
    /// What it holds of a task.
    package struct Held: Codable, Sendable, Equatable {
        /// Whether it runs the task, or has not revoked it yet.
        package var isOwned: Bool
        /// How many changelog records its stores lag behind.
        package var lag: Int64
        /// How many records a process without the stores would have to read, at most.
        package var size: Int64

        package init(isOwned: Bool, lag: Int64 = 0, size: Int64 = 0) {
            (self.isOwned, self.lag, self.size) = (isOwned, lag, size)
        }

        /// Adds a changelog: how many records the store lags behind, and the changelog's end.
        package mutating func add(_ records: Int64, of end: Offset) {
            lag = lag.addingCapped(records)
            size = size.addingCapped(end.value)
        }
    }

    package static let version = 1

    package var version = Self.version
    /// The process's own name, the same over restarts if it keeps its state.
    package var process: String
    /// The address at which other processes can query its state; nil if it does not listen.
    package var host: String?
    /// The tags that identify what may fail together: a rack, for example. nil: it has none, or is too old to report
    /// them.
    package var tags: [String: String]?
    /// What the process holds of each task, by task name.
    package var held: [String: Held] = [:]

    package init(process: String, host: String? = nil, held: [TaskID: Held] = [:]) {
        (self.process, self.host) = (process, host)
        self.held = Dictionary(uniqueKeysWithValues: held.map { ($0.key.description, $0.value) })
    }

    /// The tasks that the process runs, or has not revoked yet.
    var owned: Set<TaskID> { Set(held.filter(\.value.isOwned).keys.compactMap(TaskID.init(named:))) }

    /// What the process holds of a task.
    func held(of task: TaskID) -> Held? { held[task.description] }
}

/// A process's share of an application's tasks.
package struct MemberShare: Codable, Sendable, Equatable {
    package var version = MemberReport.version
    /// The tasks that the process runs.
    package var active: [String] = []
    /// The tasks of other processes whose stores it keeps copies of.
    package var standby: [String] = []
    /// The standby tasks that it is to run once their stores have caught up.
    package var warmUps: [String] = []
    /// The tasks that are reassigned once the process has revoked them, as of its report. A process that restarts with
    /// its instance id gets the share of its predecessor, and must start the rebalance that this one owed. nil: there
    /// are none, or the assigning process is too old to send them.
    package var revoked: [String]?
    /// What the assignment was based on. nil: the assigning process is too old to send it.
    package var terms: DivisionTerms?
    /// The tasks of the processes that listen, by their addresses.
    package var hosts: [String: [String]] = [:]

    package init(active: [TaskID] = [], standby: [TaskID] = [], warmUps: [TaskID] = []) {
        self.active = active.map(\.description)
        self.standby = standby.map(\.description)
        self.warmUps = warmUps.map(\.description)
    }

    package var activeTasks: Set<TaskID> { Set(active.compactMap(TaskID.init(named:))) }
    package var standbyTasks: Set<TaskID> { Set(standby.compactMap(TaskID.init(named:))) }
    package var warmUpTasks: Set<TaskID> { Set(warmUps.compactMap(TaskID.init(named:))) }

    /// Whether a process that holds these tasks must start a rebalance as soon as it holds no more than its share.
    package func owesDivision(having tasks: Set<TaskID>) -> Bool {
        !(revoked ?? []).isEmpty || !tasks.isSubset(of: activeTasks)
    }
}

/// What an assignment depends on, apart from what processes hold of tasks. A process that restarts with its instance id
/// gets the old share, even if its topology, a topic or a setting has changed: it then starts a rebalance.
package struct DivisionTerms: Codable, Sendable, Equatable {
    /// The number of tasks of each sub-topology.
    package var taskCounts: [Int: Int]
    /// The subtopologies with state.
    package var stateful: [Int]
    /// The number of standby copies of each task with state.
    package var standbys: Int
    /// The member's own address.
    package var host: String?
    /// The member's own tags.
    package var tags: [String: String]?

    package init(_ work: GroupDivision.Work, for member: MemberReport) {
        taskCounts = Dictionary(grouping: work.tasks, by: \.subtopology).mapValues(\.count)
        stateful = Set(work.stateful.map(\.subtopology)).sorted()
        (standbys, host, tags) = (work.standbys, member.host, member.tags)
    }
}

/// A process's report cannot be decoded.
struct UnreadableReport: Error, CustomStringConvertible {
    let member: String
    let cause: any Error

    var description: String {
        "the report of the member '\(member)' cannot be understood (\(cause)); run Moldau in all processes of an "
            + "application, in neighbouring versions"
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
    /// Encodes equal values to equal bytes.
    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return Array(try encoder.encode(self))
    }
}
