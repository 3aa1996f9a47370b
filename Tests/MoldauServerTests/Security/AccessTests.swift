import Foundation
import MoldauBroker
import MoldauRecords
import MoldauNetwork
import MoldauWire
import Testing

@testable import MoldauServer

/// Authorization over sockets: `ada` may do everything, `bob` what rules allow.
@Suite struct AccessTests {
    static let sasl = ListenAddress(host: "127.0.0.1", port: 0, security: .saslPlaintext)
    static let users = ["ada": "secret", "bob": "builder"]

    static var options: ServerOptions {
        var options = ServerOptions()
        options.isInsecure = true
        options.superUsers = ["ada"]
        return options
    }

    /// A server with access lists, a client of `ada`'s and one of `bob`'s.
    static func withClients(_ body: @escaping @Sendable (_ ada: WireClient, _ bob: WireClient) throws -> Void)
        async throws
    {
        try await withServer(options, listening: sasl, users: users) { address in
            let (ada, bob) = (try WireClient(address), try WireClient(address))
            #expect(try ada.logIn("ada", "secret").errorCode == .none)
            #expect(try bob.logIn("bob", "builder").errorCode == .none)
            try body(ada, bob)
        }
    }

    @Test func `rules of the super user take effect at once, until they are removed`() async throws {
        try await Self.withClients { ada, bob in
            #expect(try ada.produce([1], to: "t").errorCode == .none)
            #expect(try bob.produce([1], to: "t").errorCode == .topicAuthorizationFailed)
            try ada.allow("User:bob", .write, .topic("t"))
            #expect(try bob.produce([1], to: "t").errorCode == .none)
            #expect(try bob.fetch("t").errorCode == .topicAuthorizationFailed)
            try ada.deny("User:bob", .all, .topic("t"))
            #expect(try bob.produce([1], to: "t").errorCode == .topicAuthorizationFailed)
            let removed = try ada.call(
                DeleteAclsRequest {
                    $0.filters = [
                        .init {
                            ($0.resourceTypeFilter, $0.patternTypeFilter, $0.operation, $0.permissionType) = (
                                1, 1, 1, 2
                            )
                        }
                    ]
                }, version: 2)
            #expect(removed.filterResults.first?.matchingAcls.map(\.principal) == ["User:bob"])
            #expect(try bob.produce([1], to: "t").errorCode == .none)
        }
    }

    @Test func `rules are described by resource`() async throws {
        try await Self.withClients { ada, bob in
            try ada.allow("User:bob", .write, .topic("t"))
            try ada.allow("User:bob", .read, .topic("t"))
            try ada.allow("User:*", .read, .group("g"))
            let all = DescribeAclsRequest {
                ($0.resourceTypeFilter, $0.patternTypeFilter, $0.operation, $0.permissionType) = (1, 1, 1, 1)
            }
            let found = try ada.call(all, version: 3)
            #expect(found.errorCode == .none)
            #expect(found.resources.map(\.resourceName) == ["t", "g"])
            #expect(found.resources.first?.acls.map(\.operation) == [3, 4])
            #expect(try bob.call(all, version: 3).errorCode == .clusterAuthorizationFailed)
        }
    }

    @Test func `an invalid rule is refused, and the others are added`() async throws {
        try await Self.withClients { ada, bob in
            let answer = try ada.call(
                CreateAclsRequest {
                    $0.creations = [
                        .init(.allow, "bob", .read, .topic("t")), .init(.allow, "User:bob", .read, .topic("t")),
                        .init {
                            ($0.resourceType, $0.resourceName, $0.principal, $0.host) = (6, "token", "User:bob", "*")
                            ($0.operation, $0.permissionType) = (3, 3)
                        },
                    ]
                }, version: 2)
            #expect(answer.results.map(\.errorCode) == [.invalidRequest, .none, .invalidRequest])
            #expect(try bob.fetch("t").errorCode == .none)
        }
    }

    @Test func `a member's pattern matches only topics that it may describe`() async throws {
        try await Self.withClients { ada, bob in
            _ = try ada.call(
                CreateTopicsRequest {
                    $0.topics = [.init { ($0.name, $0.numPartitions, $0.replicationFactor) = ("secret", 3, 1) }]
                }, version: 5)
            try ada.allow("User:bob", .read, .group("g"))
            try ada.allow("User:bob", .read, .topic("t"))
            let request = ConsumerGroupHeartbeatRequest {
                ($0.groupID, $0.memberID, $0.memberEpoch, $0.rebalanceTimeoutMs) = ("g", "m", 0, 10_000)
                ($0.subscribedTopicRegex, $0.topicPartitions) = (".*", [])
            }
            let told = try bob.call(request, version: 1)
            #expect(told.errorCode == .none)
            #expect(told.assignment?.topicPartitions.map(\.partitions) == [[0]])
        }
    }

    @Test func `a fetch session's topic is refused once access is denied`() async throws {
        try await Self.withClients { ada, bob in
            try ada.allow("User:bob", .read, .topic("t"))
            _ = try ada.produce([1], to: "t")
            var request = WireClient.fetch("t", from: 0, maxBytes: 1 << 20, waitMs: 0)
            (request.sessionID, request.sessionEpoch) = (0, 0)
            let first = try bob.call(request, version: 12)
            #expect(first.sessionID != 0 && first.responses.first?.partitions.first?.errorCode == ErrorCode.none)
            try ada.deny("User:bob", .read, .topic("t"))
            request.topics = []
            (request.sessionID, request.sessionEpoch) = (first.sessionID, 1)
            let second = try bob.call(request, version: 12)
            #expect(second.responses.first?.partitions.first?.errorCode == .topicAuthorizationFailed)
        }
    }

    @Test func `a waiting fetch is refused records that arrive after access is denied`() async throws {
        try await Self.withClients { ada, bob in
            try ada.allow("User:bob", .read, .topic("t"))
            try bob.send(WireClient.fetch("t", from: 0, maxBytes: 1 << 20, waitMs: 20_000), version: 12)
            usleep(100_000)
            try ada.deny("User:bob", .read, .topic("t"))
            #expect(try ada.produce([1], to: "t").errorCode == .none)
            let found = try bob.receive(FetchResponse.self).responses.first?.partitions.first
            #expect(found?.errorCode == .topicAuthorizationFailed)
        }
    }

    @Test func `topics are visible only to authorized clients`() async throws {
        try await Self.withClients { ada, bob in
            #expect(try ada.topics() == ["t"] && bob.topics() == [])
            func codes(_ names: [String], _ version: Int16) throws -> [ErrorCode] {
                let answer = try bob.call(
                    MetadataRequest {
                        $0.topics = names.map { name in .init { $0.name = name } }
                        $0.allowAutoTopicCreation = true
                    }, version: version)
                return answer.topics.map(\.errorCode)
            }
            let refused = ErrorCode.topicAuthorizationFailed
            #expect(try codes(["t", "new"], 12) == [refused, refused])
            #expect(try codes(["t"], 0) == [refused])
            try ada.allow("User:bob", .describe, .topic("t"))
            #expect(try codes(["t", "new"], 12) == [.none, refused])
            try ada.allow("User:bob", .describe, .topic("new"))
            #expect(try codes(["new"], 12) == [refused])
            #expect(try ada.topics() == ["t"])
            try ada.allow("User:bob", .create, .topic("new"))
            #expect(try codes(["new"], 12) == [.unknownTopicOrPartition])
            #expect(try bob.topics() == ["new", "t"])
        }
    }

    @Test func `a request with several topics is executed for the authorized ones`() async throws {
        try await Self.withClients { ada, bob in
            try ada.allow("User:bob", .create, .topic("mine"))
            let answer = try bob.call(
                CreateTopicsRequest {
                    $0.topics = ["mine", "other"].map { name in
                        .init { ($0.name, $0.numPartitions, $0.replicationFactor) = (name, 1, 1) }
                    }
                }, version: 7)
            #expect(answer.topics.map(\.name) == ["mine", "other"])
            #expect(answer.topics.map(\.errorCode) == [.none, .topicAuthorizationFailed])
            #expect(answer.topics[0].topicConfigErrorCode == .topicAuthorizationFailed)
            #expect(try ada.topics() == ["mine", "t"])
        }
    }

    @Test func `refused records without acknowledgement close the connection`() async throws {
        try await Self.withClients { _, bob in
            #expect(throws: (any Error).self) { try bob.produce([1], to: "t", acks: 0) }
            #expect(bob.isClosed())
        }
    }

    @Test func `an idempotent producer needs permission to write to any topic`() async throws {
        try await Self.withClients { ada, bob in
            let request = InitProducerIdRequest { $0.transactionTimeoutMs = 1_000 }
            #expect(try bob.call(request, version: 4).errorCode == .clusterAuthorizationFailed)
            try ada.allow("User:bob", .write, .topic("any"))
            #expect(try bob.call(request, version: 4).errorCode == .none)
        }
    }

    @Test func `authorized operations are returned as bits`() async throws {
        try await Self.withClients { ada, bob in
            try ada.allow("User:bob", .write, .topic("t"))
            let request = MetadataRequest {
                $0.topics = [.init { $0.name = "t" }]
                $0.includeTopicAuthorizedOperations = true
            }
            #expect(try bob.call(request, version: 12).topics.first?.topicAuthorizedOperations == 1 << 4 | 1 << 8)
            #expect(try ada.call(request, version: 12).topics.first?.topicAuthorizedOperations == 0b1101_1111_1000)
        }
    }

    @Test func `without access lists everything is allowed, and adding rules is refused with Kafka's code`()
        async throws
    {
        try await withServer { address in
            let client = try WireClient(address)
            let answer = try client.call(
                CreateAclsRequest { $0.creations = [.init(.allow, "User:bob", .read, .topic("t"))] }, version: 1)
            #expect(answer.results.map(\.errorCode) == [.securityDisabled])
            #expect(try client.call(DescribeAclsRequest(), version: 1).errorCode == .securityDisabled)
            #expect(try client.produce([1], to: "t").errorCode == .none)
        }
    }

    @Test func `a client is identified by its certificate`() async throws {
        let files = try TLSFiles()
        var options = ServerOptions()
        options.tls = files.options
        options.tls?.clientAuthorityPath = files.authority
        options.tls?.clientCertificates = .requested
        options.superUsers = ["User:CN=orders,OU=Shop,O=Example\\, Inc.,C=DE"]
        let directory = files.directory
        let ssl = ListenAddress(host: "127.0.0.1", port: 0, security: .ssl)
        try await withServer(options, listening: ssl) { address in
            let stranger = try TLSFiles.client(in: directory, of: address)
            #expect(try stranger.topics() == [])
            let client = try TLSFiles.client(in: directory, of: address, certificate: "client")
            #expect(try client.topics() == ["t"])
            try client.allow("User:ANONYMOUS", .describe, .topic("t"))
            #expect(try stranger.topics() == ["t"])
        }
        withExtendedLifetime(files) {}
    }

    @Test func `clients can change users, with the requests of Kafka's tools`() async throws {
        try await Self.withClients { ada, bob in
            let salt = [UInt8](repeating: 5, count: 20)
            let salted = try ScramMechanism.sha256.arithmetic.saltedPassword("new", salt: salt, iterations: 4_096)
            let change = AlterUserScramCredentialsRequest {
                $0.upsertions = [
                    .init {
                        ($0.name, $0.mechanism, $0.iterations) = ("eve", 1, 4_096)
                        $0.salt = WireBytes(copying: salt)
                        $0.saltedPassword = WireBytes(copying: salted)
                    },
                    .init { ($0.name, $0.mechanism, $0.iterations) = ("mal", 1, 4_096) },
                ]
                $0.deletions = [.init { ($0.name, $0.mechanism) = ("nobody", 1) }]
            }
            #expect(
                try bob.call(change, version: 0).results.map(\.errorCode)
                    == Array(repeating: .clusterAuthorizationFailed, count: 3))
            let changed = try ada.call(change, version: 0)
            #expect(changed.results.map(\.user) == ["eve", "mal", "nobody"])
            #expect(changed.results.map(\.errorCode) == [.none, .unacceptableCredential, .resourceNotFound])
            let all = try ada.call(DescribeUserScramCredentialsRequest { $0.users = nil }, version: 0)
            #expect(all.results.map(\.user) == ["ada", "bob", "eve"])
            #expect(all.results.map { $0.credentialInfos.map(\.mechanism) } == [[1, 2], [1, 2], [1]])
        }
    }

    @Test func `a user added by a client can log in`() async throws {
        try await withServer(Self.options, listening: Self.sasl, users: Self.users) { address in
            let ada = try WireClient(address)
            _ = try ada.logIn("ada", "secret")
            let salt = [UInt8](repeating: 5, count: 20)
            let salted = try ScramMechanism.sha512.arithmetic.saltedPassword("new", salt: salt, iterations: 4_096)
            _ = try ada.call(
                AlterUserScramCredentialsRequest {
                    $0.upsertions = [
                        .init {
                            ($0.name, $0.mechanism, $0.iterations) = ("eve", 2, 4_096)
                            $0.salt = WireBytes(copying: salt)
                            $0.saltedPassword = WireBytes(copying: salted)
                        }
                    ]
                }, version: 0)
            #expect(try WireClient(address).logIn(.sha512, "eve", "new").errorCode == .none)
            #expect(try WireClient(address).logIn("eve", "new").errorCode == .none)
        }
    }
}

extension CreateAclsRequest.Rule {
    init(_ permission: AccessRule.Permission, _ principal: String, _ operation: AccessOperation, _ resource: Resource) {
        self.init {
            ($0.resourceType, $0.resourceName, $0.host) = (resource.kind.rawValue, resource.name, "*")
            ($0.principal, $0.operation, $0.permissionType) = (principal, operation.rawValue, permission.rawValue)
        }
    }
}

extension WireClient {
    func allow(_ principal: String, _ operation: AccessOperation, _ resource: Resource) throws {
        try add(.init(.allow, principal, operation, resource))
    }

    func deny(_ principal: String, _ operation: AccessOperation, _ resource: Resource) throws {
        try add(.init(.deny, principal, operation, resource))
    }

    private func add(_ rule: CreateAclsRequest.Rule) throws {
        let answer = try call(CreateAclsRequest { $0.creations = [rule] }, version: 3)
        #expect(answer.results.map(\.errorCode) == [.none])
    }
}
