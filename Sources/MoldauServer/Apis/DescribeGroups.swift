// DescribeGroups (15): groups with their members. A group that does not exist is `Dead`, without an error.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension DescribeGroupsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DescribeGroupsResponse>) {
        let (names, includesOperations) = (groups, includeAuthorizedOperations)
        let gathering = Gathering(count: names.count) { (found: [DescribeGroupsResponse.Group]) in
            call.answer(DescribeGroupsResponse { $0.groups = found })
        }
        for (place, name) in names.enumerated() {
            service.broker.ask(.describe(group: name)) { result in
                var group = DescribeGroupsResponse.Group()
                switch result {
                case .success(.describe(let found)): group = .init(found)
                case .success: group.errorCode = .unknownServerError
                case .failure(let error): group.errorCode = ErrorCode(group: error)
                }
                group.groupID = name
                if includesOperations { group.authorizedOperations = AllowedOperations.group }
                gathering.set(group, at: place)
            }
        }
    }
}

extension DescribeGroupsResponse.Group {
    fileprivate init(_ found: GroupAnswer.Description) {
        self.init {
            $0.errorCode = found.error == .groupIDNotFound ? .none : ErrorCode(found.error)
            $0.groupState = found.state
            $0.protocolType = found.protocolType
            $0.protocolData = found.protocolName
            $0.members = found.members.map { member in
                DescribeGroupsResponse.Member {
                    $0.memberID = member.memberID
                    $0.groupInstanceID = member.instanceID
                    $0.clientID = member.client.id
                    $0.clientHost = member.client.host
                    $0.memberMetadata = WireBytes(copying: member.metadata)
                    $0.memberAssignment = WireBytes(copying: member.assignment)
                }
            }
        }
    }
}
