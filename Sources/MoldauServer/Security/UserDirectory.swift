package import MoldauBroker
package import MoldauClusterEmbedded
internal import MoldauLog

/// The users that can log in to a broker: for administration tools. Calls block.
package struct UserDirectory {
    private let list: () -> [User]
    private let change: (String, [ScramCredential]) throws(SecurityError) -> Void
    private let delete: (String) throws(SecurityError) -> Void

    fileprivate init<Files: FileSystem>(_ security: Security<Files>) {
        list = { security.users }
        change = { name, credentials throws(SecurityError) in try security.set(credentials, ofUser: name) }
        delete = { name throws(SecurityError) in try security.remove(user: name) }
    }

    /// All users, sorted by name.
    package var all: [User] { list() }

    /// Adds a user, or sets a user's password, for every mechanism. Durable on return.
    package func set(password: String, ofUser name: String) throws {
        if password.utf8.count > 1_024 || password.utf8.contains(0) {
            throw SecurityError.invalidUser(reason: "a password has at most 1024 bytes, none of them zero")
        }
        var randomness = SystemRandomNumberGenerator()
        try change(name, try ScramCredential.make(password: password, using: &randomness))
    }

    /// Removes a user. Durable on return.
    package func remove(user name: String) throws(SecurityError) { try delete(name) }
}

extension EmbeddedCluster {
    /// The users that can log in to its broker.
    package var users: UserDirectory {
        func open(_ store: some EmbeddedStore) -> UserDirectory { UserDirectory(store.broker.security) }
        return open(store)
    }
}
