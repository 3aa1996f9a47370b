internal import MoldauRecords
internal import MoldauWire

extension AdminClient {
    /// What a group is doing.
    public enum GroupState: String, Sendable {
        /// Its members come and go.
        case preparingRebalance = "PreparingRebalance"
        /// Its members wait for their partitions.
        case completingRebalance = "CompletingRebalance"
        /// Its members have their partitions.
        case stable = "Stable"
        /// Partitions are being shared out (KIP-848).
        case assigning = "Assigning"
        /// Members are giving partitions up (KIP-848).
        case reconciling = "Reconciling"
        /// It has no members.
        case empty = "Empty"
        /// It is no more.
        case dead = "Dead"
        /// Something that this client does not know.
        case unknown = "Unknown"
    }

    /// A group by name.
    public struct GroupListing: Sendable, Equatable {
        /// The name.
        public let group: String
        /// `consumer` for consumers; other clients have words of their own.
        public let protocolType: String
        /// What it is doing; `unknown` if the brokers are too old to tell.
        public let state: GroupState
        /// `Classic`, or `Consumer` (KIP-848); nil if the brokers are too old to tell.
        public let type: String?
    }

    /// A group and its members.
    public struct GroupDescription: Sendable, Equatable {
        /// The name.
        public let group: String
        /// What it is doing.
        public let state: GroupState
        /// `consumer` for consumers; other clients have words of their own.
        public let protocolType: String
        /// How partitions are shared out: the assignor's name.
        public let assignor: String
        /// The members, in the order of their ids.
        public let members: [MemberDescription]
        /// The broker that coordinates it.
        public let coordinator: Node
        /// Whether its members come in by the protocol of KIP-848.
        public let isConsumerProtocol: Bool
    }

    /// A member of a group.
    public struct MemberDescription: Sendable, Equatable {
        /// What the group calls it.
        public let memberID: String
        /// `group.instance.id`; nil if it has none.
        public let instanceID: String?
        /// `client.id`.
        public let clientID: String
        /// From where it comes.
        public let host: String
        /// The partitions that it reads.
        public let assignment: Set<TopicPartition>
    }

    // MARK: Reading

    /// All groups, by name.
    /// - Throws: `ClientError`; `CancellationError`.
    public func listGroups() async throws -> [GroupListing] {
        let answers = try await askBrokers { address in
            let response = try await self.call(ListGroupsRequest(), to: address)
            guard response.errorCode == .none else { throw ClientError.refused(response.errorCode, "to list groups") }
            return response.groups
        }
        let listings = answers.joined().map { group in
            GroupListing(
                group: group.groupID, protocolType: group.protocolType,
                state: GroupState(rawValue: group.groupState) ?? .unknown,
                type: group.groupType.isEmpty ? nil : group.groupType)
        }
        // While a coordinator moves, two brokers may name its groups.
        return Dictionary(listings.map { ($0.group, $0) }) { $1 }.values.sorted(on: \.group)
    }

    /// Groups and their members.
    /// - Throws: `CancellationError`. Of a group that is not there the outcome is a refusal, `groupNotFound`.
    public func describeGroups(_ names: [String]) async throws -> Outcomes<String, GroupDescription> {
        try await Self.atOnce(Set(names).map { ($0, ()) }) { name, _ in
            let coordinator = try await self.coordinator(of: name)
            do {
                return try await self.describe(consumerGroup: name, coordinator)
            } catch let error as ClientError where error.meansClassic {
                return try await self.describe(classicGroup: name, coordinator)
            }
        }
    }

    private func coordinator(of group: String) async throws -> Node {
        try await repeated {
            let response = try await self.call(
                FindCoordinatorRequest {
                    $0.key = group
                    $0.coordinatorKeys = [group]
                })
            let found = response.coordinators.first
            let code = found?.errorCode ?? response.errorCode
            guard code == .none else { throw ClientError.refused(code, "to name the coordinator of '\(group)'") }
            return Node(
                id: found?.nodeID ?? response.nodeID,
                address: BrokerAddress(host: found?.host ?? response.host, port: Int(found?.port ?? response.port)),
                rack: nil)
        }
    }

    private func describe(consumerGroup name: String, _ coordinator: Node) async throws -> GroupDescription {
        let request = ConsumerGroupDescribeRequest { $0.groupIDs = [name] }
        let response = try await ask(group: name, request, "to describe the group '\(name)'") { response in
            response.groups.first?.errorCode ?? .unknownServerError
        }
        guard let group = response.groups.first else { throw ClientError.closed }
        return GroupDescription(
            group: name, state: GroupState(rawValue: group.groupState) ?? .unknown, protocolType: "consumer",
            assignor: group.assignorName,
            members: group.members.map { member in
                let topics = member.assignment.topicPartitions
                return MemberDescription(
                    memberID: member.memberID, instanceID: member.instanceID, clientID: member.clientID,
                    host: member.clientHost,
                    assignment: Set(topics.flatMap { topic in topic.partitions.map { .init(topic.topicName, $0) } }))
            }.sorted(on: \.memberID),
            coordinator: coordinator, isConsumerProtocol: true)
    }

    private func describe(classicGroup name: String, _ coordinator: Node) async throws -> GroupDescription {
        let what = "to describe the group '\(name)'"
        let request = DescribeGroupsRequest { $0.groups = [name] }
        let response = try await ask(group: name, request, what) { response in
            guard let group = response.groups.first else { return .unknownServerError }
            // So older brokers say that there is none.
            return group.errorCode == .none && group.groupState == "Dead" ? .groupIDNotFound : group.errorCode
        }
        guard let group = response.groups.first else { throw ClientError.closed }
        return GroupDescription(
            group: name, state: GroupState(rawValue: group.groupState) ?? .unknown,
            protocolType: group.protocolType, assignor: group.protocolData,
            members: group.members.map { member in
                MemberDescription(
                    memberID: member.memberID, instanceID: member.groupInstanceID, clientID: member.clientID,
                    host: member.clientHost,
                    assignment: group.protocolType == "consumer" ? member.partitions : [])
            }.sorted(on: \.memberID),
            coordinator: coordinator, isConsumerProtocol: false)
    }

    // MARK: Changing

    /// Deletes groups with the offsets that they have committed.
    /// - Throws: `CancellationError`. Of a group with members the outcome is a refusal, `nonEmptyGroup`.
    @discardableResult
    public func deleteGroups(_ names: [String]) async throws -> Outcomes<String, Void> {
        try await Self.atOnce(Set(names).map { ($0, ()) }) { name, _ in
            let request = DeleteGroupsRequest { $0.groupsNames = [name] }
            _ = try await self.ask(group: name, request, "to delete the group '\(name)'") { response in
                response.results.first?.errorCode ?? .unknownServerError
            }
        }
    }

    /// Asks the coordinator of a group, again and again while that may help.
    /// - Parameter code: the error in an answer that concerns the whole group.
    /// - Throws: `ClientError`; `CancellationError`.
    func ask<Request: WireRequest>(
        group name: String, _ request: Request, _ what: String, code: (Request.Response) -> ErrorCode
    ) async throws -> Request.Response {
        try await cluster.ask(
            request, coordinatorOf: .group(name), within: options.apiTimeout, pauses: pauses(), code: code
        ) { code in code == .none ? nil : .refused(code, what) }
    }
}

extension ClientError {
    /// Whether a group may be one of the classic protocol, or the broker knows no other.
    fileprivate var meansClassic: Bool {
        switch self {
        case .unsupportedAPI: true
        case .refused(let code, _, _): [.groupIDNotFound, .unsupportedVersion].contains(ErrorCode(rawValue: code))
        default: false
        }
    }
}

extension DescribeGroupsResponse.Member {
    /// The partitions of a consumer; none if its assignor's bytes cannot be read.
    fileprivate var partitions: Set<TopicPartition> {
        guard let assignment = try? ConsumerAssignment.decode(memberAssignment).data else { return [] }
        return Set(
            assignment.assignedPartitions.flatMap { topic in
                topic.partitions.map { TopicPartition(topic.topic, $0) }
            })
    }
}
