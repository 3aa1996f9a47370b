import Foundation
import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

/// Users and access rules in their files.
@Suite struct SecurityTests {
    private static func credential(_ mechanism: ScramMechanism, _ byte: UInt8 = 1) -> ScramCredential {
        let key = [UInt8](repeating: byte, count: mechanism.hashBytes)
        return ScramCredential(
            mechanism, salt: Array(repeating: byte, count: 16), iterations: 8_192, storedKey: key, serverKey: key)
    }

    private static let rule = AccessRule(.allow, "User:ada", .read, on: .topic, "orders", .prefixed)

    private static func fill(_ broker: Broker<some FileSystem>) throws {
        try broker.security.set([credential(.sha512), credential(.sha256)], ofUser: "ada")
        try broker.security.set([credential(.sha256, 2)], ofUser: "b/ö\"b")
        try broker.security.add([rule, AccessRule(.deny, "User:*", .all, on: .cluster, "kafka-cluster")])
    }

    @Test func `users and rules survive a restart`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try Self.fill(broker)
        #expect(broker.security.user("ada")?.credentials.map(\.mechanism) == [.sha256, .sha512])
        let again = try openBroker(files.copy()).security
        #expect(again.users == broker.security.users && again.users.count == 2)
        #expect(again.accessList.rules == broker.security.accessList.rules && again.accessList.rules.count == 2)
        #expect(again.decoySeed == broker.security.decoySeed && again.decoySeed.count == 32)
    }

    @Test(arguments: ["users.json", "access.json"])
    func `a file with any flipped bit reads the same or is refused`(name: String) throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try Self.fill(broker)
        let bytes = try #require(try files.contents(of: "data/\(name)"))
        for bit in 0..<(bytes.count * 8) {
            let damaged = files.copy()
            var changed = bytes
            changed[bit / 8] ^= 1 << (bit % 8)
            try damaged.open("data/\(name)").write(changed, at: 0)
            guard let again = try? openBroker(damaged).security else { continue }
            #expect(again.users == broker.security.users, "bit \(bit)")
            #expect(again.accessList.rules == broker.security.accessList.rules, "bit \(bit)")
        }
    }

    @Test(arguments: [
        "", "{", "[]", #"{"body":[],"checksum":0,"version":1}"#, #"{"body":[],"checksum":0,"version":2}"#,
    ])
    func `an invalid file is refused and left unchanged`(text: String) throws {
        for name in ["users.json", "access.json"] {
            let files = MemoryFileSystem()
            try files.open("data/\(name)").write(Array(text.utf8), at: 0)
            let refused = #expect(throws: LogError.self) { try openBroker(files) }
            #expect(refused?.description.contains("data/\(name)") == true)
            #expect(try files.contents(of: "data/\(name)") == Array(text.utf8))
        }
    }

    @Test func `only the owner may read the files`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let before = umask(0)
        defer { umask(before) }
        let broker = try openBroker(PosixFileSystem(), in: directory)
        try Self.fill(broker)
        for name in ["users.json", "access.json"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(name)")
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
        try broker.close()
    }

    @Test func `a credential replaces the one of its mechanism, and removing the last removes the user`() throws {
        let security = try openBroker(MemoryFileSystem()).security
        try security.set([Self.credential(.sha256)], ofUser: "ada")
        try security.set([Self.credential(.sha256, 9)], ofUser: "ada")
        #expect(security.user("ada")?.credentials == [Self.credential(.sha256, 9)])
        #expect(throws: SecurityError.noSuchCredential(user: "ada", .sha512)) {
            try security.remove(.sha512, ofUser: "ada")
        }
        try security.remove(.sha256, ofUser: "ada")
        #expect(security.user("ada") == nil)
        #expect(throws: SecurityError.noSuchUser("ada")) { try security.remove(user: "ada") }
    }

    @Test(arguments: ["", "a\nb", "ANONYMOUS", "*", String(repeating: "x", count: 257)])
    func `an invalid user name is refused`(name: String) throws {
        let security = try openBroker(MemoryFileSystem()).security
        #expect(throws: SecurityError.self) { try security.set([Self.credential(.sha256)], ofUser: name) }
        #expect(security.users.isEmpty)
    }

    @Test(arguments: [(4_095, 16, 32), (16_385, 16, 32), (8_192, 7, 32), (8_192, 129, 32), (8_192, 16, 31)])
    func `a credential that is too weak or too costly is refused`(iterations: Int, saltBytes: Int, keyBytes: Int) throws
    {
        let security = try openBroker(MemoryFileSystem()).security
        let credential = ScramCredential(
            .sha256, salt: Array(repeating: 1, count: saltBytes), iterations: iterations,
            storedKey: Array(repeating: 1, count: keyBytes), serverKey: Array(repeating: 1, count: keyBytes))
        #expect(throws: SecurityError.self) { try security.set([credential], ofUser: "ada") }
    }

    @Test func `adding rules ignores duplicates, and removing them reports what each filter removed`() throws {
        let security = try openBroker(MemoryFileSystem()).security
        let other = AccessRule(.allow, "User:bob", .write, on: .topic, "orders")
        try security.add([Self.rule, Self.rule, other])
        try security.add([Self.rule])
        #expect(security.accessList.rules.count == 2)
        var (reads, topics) = (AccessFilter(), AccessFilter())
        (reads.operation, topics.kind) = (.read, .topic)
        #expect(try security.remove([reads, topics, topics]) == [[Self.rule], [other], []])
        #expect(security.accessList.rules.isEmpty)
    }

    @Test func `the number of rules is limited`() throws {
        let security = try openBroker(MemoryFileSystem()).security
        let rules = (0...10_000).map { AccessRule(.allow, "User:ada", .read, on: .topic, "t\($0)") }
        #expect(throws: SecurityError.tooManyRules(limit: 10_000)) { try security.add(rules) }
        #expect(security.accessList.rules.isEmpty)
        try security.add(Array(rules.prefix(10_000)))
        #expect(security.accessList.rules.count == 10_000)
    }
}
