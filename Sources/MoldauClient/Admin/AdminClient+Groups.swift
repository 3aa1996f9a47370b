internal import MoldauRecords
internal import MoldauWire

extension AdminClient {
    /// The state of a group.
    public enum GroupState: String, Sendable {
        /// Waiting for its members to join.
        case preparingRebalance = "PreparingRebalance"
        /// Waiting for the assignment of partitions.
        case completingRebalance = "CompletingRebalance"
        /// All members have their partitions.
        case stable = "Stable"
        /// Partitions are being assigned (KIP-848).
        case assigning = "Assigning"
        /// Members are revoking partitions (KIP-848).
        case reconciling = "Reconciling"
        /// It has no members.
        case empty = "Empty"
        /// It has been deleted.
        case dead = "Dead"
        /// A state that this client does not know.
        case unknown = "Unknown"
    }

    /// A group by name.
    public struct GroupListing: Sendable, Equatable {
        /// The name.
        public let group: String
        /// `consumer` for consumers; other clients use their own.
        public let protocolType: String
        /// Its state; `unknown` if the brokers are too old to return it.
        public let state: GroupState
        /// `Classic`, or `Consumer` (KIP-848); nil if the brokers are too old to return it.
        public let type: String?
    }

    /// A group and its members.
    public struct GroupDescription: Sendable, Equatable {
        /// The name.
        public let group: String
        /// Its state.
        public let state: GroupState
        /// `consumer` for consumers; other clients use their own.
        public let protocolType: String
        /// The name of the assignor.
        public let assignor: String
        /// The members, by id.
        public let members: [MemberDescription]
        /// The broker that coordinates it.
        public let coordinator: Node
        /// Whether its members use the protocol of KIP-848.
        public let isConsumerProtocol: Bool
    }

    /// A member of a group.
    public struct MemberDescription: Sendable, Equatable {
        /// The member's id.
        public let memberID: String
        /// `group.instance.id`; nil if it has none.
        public let instanceID: String?
        /// `client.id`.
        public let clientID: String
        /// The client's address.
        public let host: String
        /// The assigned partitions.
        public let assignment: Set<TopicPartition>
    }

    // MARK: Queries

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
        // While a coordinator moves, two brokers may list its groups.
        return Dictionary(listings.map { ($0.group, $0) }) { $1 }.values.sorted(on: \.group)
    }

    /// Groups and their members.
    /// - Throws: `CancellationError`. For an unknown group the outcome is the refusal `groupNotFound`.
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
            // Older brokers report an unknown group as dead.
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

    // MARK: Changes

    /// Deletes groups, with their committed offsets.
    /// - Throws: `CancellationError`. For a group with members the outcome is the refusal `nonEmptyGroup`.
    @discardableResult
    public func deleteGroups(_ names: [String]) async throws -> Outcomes<String, Void> {
        try await Self.atOnce(Set(names).map { ($0, ()) }) { name, _ in
            let request = DeleteGroupsRequest { $0.groupsNames = [name] }
            _ = try await self.ask(group: name, request, "to delete the group '\(name)'") { response in
                response.results.first?.errorCode ?? .unknownServerError
            }
        }
    }

    /// Sends a request to the coordinator of a group; retries errors that may pass.
    /// - Parameter code: the error in a response that concerns the whole group.
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
    /// Whether the group may use the classic protocol, or the broker knows no other.
    fileprivate var meansClassic: Bool {
        switch self {
        case .unsupportedAPI: true
        case .refused(let code, _, _): [.groupIDNotFound, .unsupportedVersion].contains(ErrorCode(rawValue: code))
        default: false
        }
    }
}

extension DescribeGroupsResponse.Member {
    /// The partitions assigned to a consumer; empty if the assignor's bytes cannot be read.
    fileprivate var partitions: Set<TopicPartition> {
        guard let assignment = try? ConsumerAssignment.decode(memberAssignment).data else { return [] }
        return Set(
            assignment.assignedPartitions.flatMap { topic in
                topic.partitions.map { TopicPartition(topic.topic, $0) }
            })
    }
}
