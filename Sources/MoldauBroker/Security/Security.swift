package import MoldauLog
internal import MoldauRecords
internal import Synchronization

/// Why users or access rules were not changed.
package enum SecurityError: Error, Equatable, CustomStringConvertible {
    case invalidUser(reason: String)
    case noSuchUser(String)
    case noSuchCredential(user: String, ScramMechanism)
    case invalidRule(reason: String)
    case tooManyUsers(limit: Int)
    case tooManyRules(limit: Int)
    case storage(LogError)

    package var description: String {
        switch self {
        case .invalidUser(let reason), .invalidRule(let reason): reason
        case .noSuchUser(let name): "there is no user '\(name)'"
        case .noSuchCredential(let user, let mechanism): "'\(user)' does not log in by \(mechanism.name)"
        case .tooManyUsers(let limit): "there may be no more than \(limit) users"
        case .tooManyRules(let limit): "there may be no more than \(limit) access rules"
        case .storage(let error): "\(error)"
        }
    }
}

/// The users and access rules of a data directory. Shared by threads; changes are durable on return, and block.
package final class Security<Files: FileSystem>: Sendable {
    private struct Users: Codable, Sendable {
        /// Random bytes of this directory, from which salts are made for users that do not exist: see `decoySeed`.
        var decoySeed: [UInt8]
        var users: [User]
    }

    private struct State: Sendable {
        var decoySeed: [UInt8]
        var users: [String: User]
        var list: AccessList
    }

    /// The maximum number of users.
    package static var maxUsers: Int { 10_000 }
    /// The maximum number of access rules.
    package static var maxRules: Int { 10_000 }

    private let usersFile: SecurityFile<Files, Users>
    private let rulesFile: SecurityFile<Files, [AccessRule]>
    private let state: Mutex<State>

    /// - Parameter randomness: the source of `decoySeed`; a copy, so that this does not change what other users of it
    ///   draw.
    /// - Throws: `LogError.damagedFile` if a file is invalid: what is left of it must not grant access.
    init(
        _ files: Files, directory: String, randomness: any RandomNumberGenerator & Sendable
    ) throws(LogError) {
        usersFile = SecurityFile(files, directory: directory, name: "users.json")
        rulesFile = SecurityFile(files, directory: directory, name: "access.json")
        let found = try usersFile.read()
        var users: [String: User] = [:]
        for user in found?.users ?? [] {
            let objection =
                User.objection(to: user.name) ?? user.credentials.lazy.compactMap(\.objection).first
                ?? (Set(user.credentials.map(\.mechanism)).count == user.credentials.count
                    ? nil : "it has a mechanism twice")
            if let objection { throw usersFile.damaged("the user '\(user.name)': \(objection)") }
            if users.updateValue(user, forKey: user.name) != nil {
                throw usersFile.damaged("the user '\(user.name)' is listed twice")
            }
        }
        let rules = try rulesFile.read() ?? []
        for rule in rules {
            if let objection = rule.objection { throw rulesFile.damaged("a rule on '\(rule.name)': \(objection)") }
        }
        var randomness = randomness
        let seed = found?.decoySeed ?? (0..<32).map { _ in UInt8.random(in: 0...255, using: &randomness) }
        state = Mutex(State(decoySeed: seed, users: users, list: AccessList(rules)))
    }

    // MARK: Users

    /// Stored, so that a name without a user always gets the same salt, as a user's name does.
    package var decoySeed: [UInt8] { state.withLock { $0.decoySeed } }

    /// The user of that name; nil if there is none.
    package func user(_ name: String) -> User? { state.withLock { $0.users[name] } }

    /// All users, sorted by name.
    package var users: [User] { state.withLock { $0.users.values.sorted(on: \.name) } }

    /// Sets credentials of a user, and keeps those of other mechanisms; creates the user if it does not exist.
    package func set(_ credentials: [ScramCredential], ofUser name: String) throws(SecurityError) {
        if let objection = User.objection(to: name) ?? credentials.lazy.compactMap(\.objection).first {
            throw .invalidUser(reason: objection)
        }
        try change { users throws(SecurityError) in
            if users[name] == nil, users.count >= Self.maxUsers { throw .tooManyUsers(limit: Self.maxUsers) }
            var user = users[name] ?? User(name, [])
            user.credentials.removeAll { old in credentials.contains { $0.mechanism == old.mechanism } }
            user.credentials += credentials
            user.credentials.sort { $0.mechanism.rawValue < $1.mechanism.rawValue }
            users[name] = user
        }
    }

    /// Removes a user.
    package func remove(user name: String) throws(SecurityError) {
        try change { users throws(SecurityError) in
            guard users.removeValue(forKey: name) != nil else { throw .noSuchUser(name) }
        }
    }

    /// Removes a credential of a user; removing the last one removes the user.
    package func remove(_ mechanism: ScramMechanism, ofUser name: String) throws(SecurityError) {
        try change { users throws(SecurityError) in
            guard var user = users[name], user.credential(mechanism) != nil else {
                throw .noSuchCredential(user: name, mechanism)
            }
            user.credentials.removeAll { $0.mechanism == mechanism }
            users[name] = user.credentials.isEmpty ? nil : user
        }
    }

    private func change(
        _ body: (inout [String: User]) throws(SecurityError) -> Void
    ) throws(SecurityError) {
        try state.withLock { state throws(SecurityError) in
            var users = state.users
            try body(&users)
            do throws(LogError) {
                try usersFile.write(
                    Users(decoySeed: state.decoySeed, users: users.values.sorted(on: \.name)))
            } catch {
                throw .storage(error)
            }
            state.users = users
        }
    }

    // MARK: Access rules

    /// The current rules.
    package var accessList: AccessList { state.withLock { $0.list } }

    /// Adds rules; no-op for those that exist already.
    package func add(_ rules: [AccessRule]) throws(SecurityError) {
        if let objection = rules.lazy.compactMap(\.objection).first { throw .invalidRule(reason: objection) }
        try change { all throws(SecurityError) in
            all.formUnion(rules)
            if all.count > Self.maxRules { throw .tooManyRules(limit: Self.maxRules) }
        }
    }

    /// Removes the rules that match a filter.
    /// - Returns: for each filter, the rules that it removed.
    package func remove(_ filters: [AccessFilter]) throws(SecurityError) -> [[AccessRule]] {
        var removed: [[AccessRule]] = []
        try change { all throws(SecurityError) in
            for filter in filters {
                let found = all.filter(filter.matches).sorted(by: AccessRule.isBefore)
                all.subtract(found)
                removed.append(found)
            }
        }
        return removed
    }

    private func change(
        _ body: (inout Set<AccessRule>) throws(SecurityError) -> Void
    ) throws(SecurityError) {
        try state.withLock { state throws(SecurityError) in
            let before = Set(state.list.rules)
            var rules = before
            try body(&rules)
            if rules == before { return }
            let list = AccessList(rules)
            do throws(LogError) { try rulesFile.write(list.rules) } catch { throw .storage(error) }
            state.list = list
        }
    }
}
