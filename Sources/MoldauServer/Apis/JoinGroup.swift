// JoinGroup (11): a member joins its group, and waits until the others have joined.
//
// Before version 1 the rebalance timeout is the session timeout; from version 4 on a new member first gets an id; from
// version 9 on the answer can let the leader keep the current assignment. Ignored: `reason`.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension JoinGroupRequest: ServedRequest {
    static var mayWait: Bool { true }

    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<JoinGroupResponse>) {
        let join = GroupRequest.Join(
            group: groupID, sessionTimeoutMs: sessionTimeoutMs,
            rebalanceTimeoutMs: call.version >= 1 ? rebalanceTimeoutMs : sessionTimeoutMs, memberID: memberID,
            instanceID: groupInstanceID, protocolType: protocolType,
            protocols: protocols.map { MoldauBroker.GroupProtocol($0.name, Array($0.metadata.bytes)) },
            client: GroupClient(id: call.clientID, host: "/\(call.connection.clientAddress)"),
            requiresMemberID: call.version >= 4, canSkipAssignment: call.version >= 9)
        let version = call.version
        service.broker.ask(.join(join)) { result in
            switch result {
            case .success(.join(let answer)): call.answer(JoinGroupResponse(answer, version))
            case .success: call.answer(JoinGroupResponse { $0.errorCode = .unknownServerError })
            case .failure(let error):
                call.answer(
                    JoinGroupResponse {
                        $0.errorCode = ErrorCode(group: error)
                        $0.memberID = join.memberID
                        $0.generationID = -1
                        $0.protocolName = version >= 7 ? nil : ""
                    })
            }
        }
    }
}

extension JoinGroupResponse {
    fileprivate init(_ answer: GroupAnswer.Join, _ version: Int16) {
        self.init {
            $0.errorCode = ErrorCode(answer.error)
            $0.generationID = answer.generation
            $0.protocolType = answer.protocolType
            $0.protocolName = answer.protocolName ?? (version >= 7 ? nil : "")
            $0.leader = answer.leader
            $0.skipAssignment = answer.skipsAssignment
            $0.memberID = answer.memberID
            $0.members = answer.members.map { member in
                JoinGroupResponse.Member {
                    $0.memberID = member.memberID
                    $0.groupInstanceID = member.instanceID
                    $0.metadata = WireBytes(copying: member.metadata)
                }
            }
        }
    }
}
